"""For the API reference: `from a import x as x` makes `x` a public name, as type checkers read it."""

import ast

import griffe


class PublicAliases(griffe.Extension):
    def on_alias_instance(self, *, alias, node, **kwargs):
        if isinstance(node, ast.ImportFrom) and any(
                name.asname == name.name == alias.name for name in node.names):
            alias.public = True
