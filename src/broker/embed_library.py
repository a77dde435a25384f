"""Writes the library of Redis functions as a C source: embed_library.py OUTPUT LIBRARY.

EVAL runs it too: what it registers is gathered, and the function that the first argument names is called."""
import hashlib
import sys

HEAD = b"""local barker_real_redis, barker_functions = redis, {}
local redis = setmetatable({
  register_function = function(f) barker_functions[f.function_name] = f.callback end,
}, {__index = barker_real_redis})
"""
TAIL = b"\nreturn barker_functions[ARGV[1]](KEYS, {unpack(ARGV, 2)})\n"


def c_char(byte):
    return str(byte) if byte < 128 else f"'\\x{byte:02x}'"


def c_array(name, content):
    rows = [content[start:start + 24] for start in range(0, len(content), 24)]
    body = "\n".join("    " + "".join(f"{c_char(byte)}," for byte in row) for row in rows)
    return f"const char {name}[] = {{\n{body}\n    0,\n}};\n"


def main(output, library):
    with open(library, "rb") as file:
        text = file.read()
    shebang, rest = text.split(b"\n", 1)
    if not shebang.startswith(b"#!lua name=barker"):
        sys.exit(f"{library}: its first line must name the library")
    script = HEAD + rest + TAIL
    with open(output, "w", encoding="ascii") as file:
        file.write('#include "broker/redis_library.h"\n\n')
        file.write(c_array("redis_library_text", text) + f"const size_t redis_library_n_text = {len(text)};\n\n")
        file.write(c_array("redis_library_script", script) + f"const size_t redis_library_n_script = {len(script)};\n\n")
        file.write(f'const char redis_library_sha1[] = "{hashlib.sha1(script).hexdigest()}";\n')


main(*sys.argv[1:])
