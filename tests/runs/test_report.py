"""report.html: what it shows, that it stands alone, and how a browser shows it."""

import json
import re
import shutil

import numpy as np
import pytest

from keras_multigan.cli import main as cli
from keras_multigan.recipes import RECIPES
from keras_multigan.runs import files, report


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder made by hand, with names that HTML must escape."""
    from keras_multigan import plots

    folder = tmp_path_factory.mktemp("runs") / "a <b> & 'c'"
    (folder / "frames").mkdir(parents=True)
    options = RECIPES["commute"].make_options(num_generators=2).as_dict()
    (folder / "options.json").write_text(json.dumps(
        {"options": options, "versions": {"keras": "3", "date": "2026-11-25"}}))
    images = np.random.default_rng(0).uniform(-1, 1, (2, 10, 16, 16, 1))
    plots.save_samples(images, folder / "samples.png")
    for epoch in (1, 2):
        plots.save_samples(images[:, :5], folder / "frames" / f"epoch-{epoch:05d}.png")
    plots.save_class_table(np.full((2, 10), 0.1), folder / "class_table.png", "classes")
    (folder / "history.csv").write_text("epoch,critic_loss,tvd\n0,3.0,0.5\n1,2.0,0.75\n")
    (folder / "metrics.json").write_text(json.dumps({
        "epochs": 2, "training_steps": 100, "last_epoch": {}, "pairwise_tvd": 0.75,
        "frechet_distance": 4.0, "frechet_features": "logits of: a classifier",
        "class_names": ["cats <1>", "dogs"], "data_note": "train: 10 images"}))
    return folder


def test_the_page_has_everything_and_stands_alone(run):
    text = report.write_report(run, RECIPES["commute"]).read_text()
    assert text.count("data:image/png;base64,") == 4  # samples, classes, two epochs
    assert len(re.findall(r'<svg role="img" aria-label="(critic_loss|tvd) by epoch"', text)) == 2
    for line in ("2 generators trained on digits", "pairwise TVD", "0.7500", "after epoch 2",
                 "cats &lt;1&gt;", "train: 10 images", "learning_rate", "2026-11-25",
                 "of a classifier that labels trained", "multigan sample --model="):
        assert line in text, line
    assert "<b>" not in text
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    assert "http" not in re.sub(r"http://www\.w3\.org/[\w/.#-]+|http://purl\.org/[\w/.#-]+"
                                r"|https://matplotlib\.org/?|http://creativecommons\.org/[\w/.#-]+", "",
                                text)
    assert all('alt="' in tag for tag in re.findall(r"<img [^>]*>", text))


def test_an_unfinished_run_has_a_page(run, tmp_path):
    folder = tmp_path / "unfinished"
    folder.mkdir()
    shutil.copy(run / "options.json", folder)
    text = report.write_report(folder).read_text()
    assert "0 of 20 epochs are done" in text and "--resume" in text
    (folder / "checkpoints").mkdir()  # of a run that a signal has ended within an epoch
    (folder / "checkpoints" / "epoch-00003-step-000100.json").touch()
    assert "3 of 20 epochs are done" in report.write_report(folder).read_text()


def test_a_method_without_a_number_of_generators():
    options = RECIPES["r3gan"].make_options().as_dict()
    assert report.summary(options, {}, 0)[0] == "Trained on digits at 16x16 pixels, seed 0."


def test_the_command(run, tmp_path, capsys):
    cli.main(["report", str(run)])
    assert str(run / "report.html") in capsys.readouterr().out
    second = tmp_path / "second"
    shutil.copytree(run, second)
    cli.main(["report", str(run), str(second), f"--output={tmp_path / 'both.html'}"])
    text = (tmp_path / "both.html").read_text()
    assert "Comparison of 2 runs" in text and text.count("<th scope=\"col\">second</th>") == 2
    cli.main(["report", str(run), f"--output={tmp_path / 'one.html'}"])
    assert "<h1>" in (tmp_path / "one.html").read_text()
    namesake = tmp_path / "other" / "second"
    shutil.copytree(run, namesake)
    cli.main(["report", str(second), str(namesake), f"--output={tmp_path / 'both.html'}"])
    text = (tmp_path / "both.html").read_text()
    assert f"<th scope=\"col\">{second}</th>" in text and f"<th scope=\"col\">{namesake}</th>" in text
    of_classifier = tmp_path / "classifier"
    of_classifier.mkdir()
    files.open_folder(of_classifier, {"method": "classifier", "dataset": "digits", "seed": 0,
                                      "epochs": 5})
    files.write_json(of_classifier / "metrics.json", {"test_accuracy": 0.9})
    cli.main(["report", str(of_classifier)])  # which has no measures of a run
    assert (of_classifier / "report.html").exists()
    for arguments, message in (([], "run folders"), ([str(tmp_path)], "Expected a run folder"),
                               ([str(run), "--output=x.txt"], "to end in .html")):
        with pytest.raises(SystemExit) as stop:
            cli.main(["report", *arguments])
        assert stop.value.code == 2 and message in capsys.readouterr().err


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium, of the extra test")
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("needs the browser chromium and its driver")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
                 "disable-background-networking", "disable-component-update", "disable-sync"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("page", ["report", "comparison"])
def test_in_a_browser(browser, run, page, width, tmp_path):
    path = report.write_report(run, RECIPES["commute"]) if page == "report" else (
        report.write_comparison([run, run], [None, None], tmp_path / "comparison.html"))
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500})
    browser.get(path.as_uri())
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('button img, figure svg')].map("
        "e => [e.getBoundingClientRect().width, e.getBoundingClientRect().height])")
    assert len(sizes) >= 4 and all(w > 20 and h > 10 for w, h in sizes)
    small = browser.find_element("css selector", "button.picture")
    shown = "return document.getElementById('large').open"
    assert not browser.execute_script(shown)
    small.click()
    assert browser.execute_script(shown)
    widths = [browser.execute_script(f"return document.querySelector('{which}').getBoundingClientRect()"
                                     ".width") for which in ("button.picture img", "#large img")]
    assert widths[1] >= min(widths[0], 0.9 * width)
    browser.find_element("css selector", "#large img").click()
    assert not browser.execute_script(shown)
    assert browser.get_log("browser") == []
