def write(settings, rows, output):
    pass
