"""Proves that each check of check.py can fail: every case is a small tree with one violation, and its clean twin."""
import os
import sys
import tempfile

import check

HEADER = '/* X: a fixture. Any thread. */\n#pragma once\n'


def function_of(n_lines):
    return 'int x(void) {\n' + '    one();\n' * n_lines + '}\n'


# check, path, violating text, clean text
CASES = [
    ('layers', 'src/base/x.c', '#include "hub/hub.h"\n', '#include "base/buf.h"\n'),
    ('layers', 'include/hub/x.h', '#include "session/session.h"\n', '#include "base/map.h"\n'),
    ('layers', 'src/session/x.c', '#include "broker/bus.h"\n', '#include "broker/broker.h"\n'),
    ('layers', 'src/cellar/x.c', 'int x;\n', None),
    ('libraries', 'src/session/x.c', '#include <libwebsockets.h>\n', '#include <string.h>\n'),
    ('libraries', 'src/app/x.c', '#include <hiredis/hiredis.h>\n', '#include <uv.h>\n'),
    ('calls', 'src/hub/x.c', 'void x(void) {\n    pthread_mutex_lock(&m);\n}\n', 'void x(void) {\n    lock(&m);\n}\n'),
    ('calls', 'src/session/x.c', 'int x = time(NULL);\n', '/* time(NULL) */\nint x = run_time(1);\n'),
    ('calls', 'src/net/x.c', 'int x = lws_write(a, b, 1, c);\n', 'const char *x = "lws_write(";\n'),
    ('calls', 'src/hub/x.c', 'int x = log_event(a, b);\n', 'int x = y->log_event(a, b);\n'),
    ('sizes', 'src/hub/x.c', function_of(51), function_of(50)),
    ('sizes', 'tests/unit/hub/test_x.c', function_of(51).replace('int x(void)', 'START_TEST(a_sentence)'), function_of(50)),
    ('sizes', 'tests/x.mjs', '\n' * 501, '\n' * 500),
    ('headers', 'include/hub/x.h', '#pragma once\n', HEADER),
    ('headers', 'include/hub/x.h', HEADER.replace(' Any thread.', ''), HEADER),
    ('headers', 'include/hub/x.h', HEADER.replace('#pragma once\n', ''), HEADER),
    ('headers', 'src/hub/x.c', '#include "base/buf.h"\n#include <string.h>\n', '#include <string.h>\n\n#include "base/buf.h"\n'),
    ('words', 'src/hub/x.c', '/* TO' + 'DO: more */\n', '/* to do it is to be */\n'),
    ('words', 'src/hub/x.c', '/* ---- helpers ---- */\n', '/* a - b -- c */\n'),
    ('text', 'README.md', 'no newline', 'a newline\n'),
    ('text', 'README.md', 'a space \n', 'none\n'),
]


def violations(name, path, text):
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(root, path), 'w', encoding='utf-8') as file:
            file.write(text)
        return check.run(name, root)


def main():
    failures = []
    for name, path, bad, good in CASES:
        if not violations(name, path, bad):
            failures.append(f'{name} did not object to {path}: {bad[:60]!r}')
        if good is not None:
            failures += [f'{name} objected to clean text: {found}' for found in violations(name, path, good)]
    failures += [f'{name} has no case here' for name in check.CHECKS if name not in [case[0] for case in CASES]]
    print('\n'.join(failures), end='\n' if failures else '')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
