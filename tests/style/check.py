"""Style rules that no ready-made tool knows: layers, libraries, calls, sizes, headers, words, text.

Usage: check.py CHECK [ROOT]; prints one line a violation and exits with 1 when there is any.
"""
import configparser
import fnmatch
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT_SUFFIXES = ('.c', '.h', '.py', '.sh', '.mjs', '.js', '.json', '.html', '.svg', '.md', '.ini', '.yaml', '.yml', '.build')
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def read_rules():
    rules = configparser.ConfigParser(delimiters=(' =',), comment_prefixes=('#',), interpolation=None)
    rules.optionxform = str
    with open(os.path.join(HERE, 'limits.ini'), encoding='utf-8') as file:
        rules.read_file(file)
    return rules


class Tree:
    """The project's own text files, with paths relative to its root."""

    def __init__(self, root, rules):
        self.root, self.rules = root, rules

    def paths(self, check, suffixes, folders=('',)):
        left_out = self.rules.get('exceptions', check, fallback='').split()
        for folder in folders:
            for where, names, files in os.walk(os.path.join(self.root, folder)):
                names[:] = sorted(n for n in names if n not in ('node_modules', '__pycache__') and not n.startswith(('build', '.')))
                for name in sorted(files):
                    path = os.path.relpath(os.path.join(where, name), self.root)
                    if path.endswith(suffixes) and not any(fnmatch.fnmatch(path, pattern) for pattern in left_out):
                        yield path

    def read(self, path):
        with open(os.path.join(self.root, path), encoding='utf-8') as file:
            return file.read()


def blank(match):
    """Keeps the lines of what is dropped, so that numbers stay right."""
    return re.sub(r'[^\n]', ' ', match.group())


def layer_of(path):
    return path.split('/')[1] if path.startswith(('src/', 'include/')) else None


def includes(text):
    for number, line in enumerate(text.split('\n'), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)', line)
        if match:
            yield number, match.group(1), match.group(2)


def is_among(name, allowed):
    return any(name == entry or (entry.endswith('/') and name.startswith(entry)) for entry in allowed)


def check_layers(tree):
    layers = {name: value.split() for name, value in tree.rules['layers'].items()}
    for path in tree.paths('layers', ('.c', '.h'), ('src', 'include')):
        layer = layer_of(path)
        if layer not in layers:
            yield f'{path}:1: there is no layer {layer}'
            continue
        for number, bracket, name in includes(tree.read(path)):
            if bracket == '"' and not is_among(name, [layer + '/'] + layers[layer]):
                yield f'{path}:{number}: {layer} may not include {name}'


def check_libraries(tree):
    for path in tree.paths('libraries', ('.c', '.h'), ('src', 'include')):
        for number, bracket, name in includes(tree.read(path)):
            for library, allowed in tree.rules['libraries'].items():
                if bracket == '<' and is_among(name, [library]) and not is_permitted(path, allowed.split()):
                    yield f'{path}:{number}: {name} may not be included here'


def is_permitted(path, allowed):
    return path in allowed or layer_of(path) in allowed


def check_calls(tree):
    rules = [(re.compile(rf'(?<![\w.>])({names})\s*\('), allowed.split()) for names, allowed in tree.rules['calls'].items()]
    for path in tree.paths('calls', ('.c', '.h'), ('src', 'include')):
        code = COMMENT_OR_STRING.sub(blank, tree.read(path))
        for number, line in enumerate(code.split('\n'), 1):
            for pattern, allowed in rules:
                match = pattern.search(line)
                if match and not is_permitted(path, allowed):
                    yield f'{path}:{number}: {match.group(1)} may not be called here'


def functions(text):
    """Start line, name and body length of each function; clang-format has put both braces where they can be found."""
    start = name = None
    for number, line in enumerate(text.split('\n'), 1):
        if start is None and line.endswith('{') and line[:1] not in (' ', '\t', '#', '}', '') and '(' in line and ' = ' not in line:
            start, name = number, line
        elif start is None and line.endswith(') {') and line.startswith(' '):
            start, name = number, line.strip()
        elif start is not None and line.startswith('}'):
            yield start, re.sub(r'\(.*', '', name).split()[-1].lstrip('*'), number - start - 1
            start = None


def check_sizes(tree):
    file_lines, function_lines = (tree.rules.getint('sizes', key) for key in ('file_lines', 'function_lines'))
    for path in tree.paths('sizes', TEXT_SUFFIXES):
        text = tree.read(path)
        if text.count('\n') > file_lines:
            yield f'{path}:1: {text.count(chr(10))} lines; at most {file_lines}'
        for number, name, n_lines in functions(text) if path.endswith(('.c', '.h')) else ():
            if n_lines > function_lines:
                yield f'{path}:{number}: {name} has {n_lines} lines; at most {function_lines}'


def check_headers(tree):
    for path in tree.paths('headers', ('.h',), ('include',)):
        text = tree.read(path)
        first = re.match(r'/\*.*?\*/', text, re.S)
        if not first:
            yield f'{path}:1: the first line says what it is and which thread owns it'
        elif not re.search(r'\b(owner|threads?|worker)\b', first.group(), re.I):
            yield f'{path}:1: the first comment does not say which thread owns it'
        if '\n#pragma once\n' not in text:
            yield f'{path}:1: #pragma once is missing'
    for path in tree.paths('headers', ('.c',), ('src',)):
        found = list(includes(tree.read(path)))
        own = re.sub(r'^src/(.*)\.c$', r'\1.h', path)
        first = found[0][2] if found else ''
        if first != own and os.path.exists(os.path.join(tree.root, 'include', own)):
            yield f'{path}:1: its own header "{own}" comes first'
        is_own = first.endswith('.h') and own.startswith(first[:-2])  # options_value.c belongs to options.h
        kinds = [bracket for _, bracket, _ in found[is_own:]]
        if '"' in kinds and '<' in kinds[kinds.index('"'):]:
            yield f'{path}:1: system headers come before those of the project'


def check_words(tree):
    rules = [(re.compile(pattern), why) for pattern, why in tree.rules['words'].items()]
    for path in tree.paths('words', TEXT_SUFFIXES):
        for number, line in enumerate(tree.read(path).split('\n'), 1):
            for pattern, why in rules:
                if pattern.search(line):
                    yield f'{path}:{number}: {line.strip()[:40]}: {why}'


def check_text(tree):
    for path in tree.paths('text', TEXT_SUFFIXES):
        text = tree.read(path)
        if text and not text.endswith('\n') or text.endswith('\n\n'):
            yield f'{path}: it ends with exactly one newline'
        for number, line in enumerate(text.split('\n'), 1):
            if line != line.rstrip() or '\r' in line:
                yield f'{path}:{number}: white space at the end of the line'


CHECKS = {name[len('check_'):]: check for name, check in list(globals().items()) if name.startswith('check_')}


def run(check, root):
    return list(CHECKS[check](Tree(root, read_rules())))


def main():
    violations = run(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else os.path.dirname(os.path.dirname(HERE)))
    print('\n'.join(violations), end='\n' if violations else '')
    return 1 if violations else 0


if __name__ == '__main__':
    sys.exit(main())
