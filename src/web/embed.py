"""Writes the pages that the gateway serves as one C source: embed.py OUTPUT [PATH TYPE FILE]..."""
import sys


def c_bytes(content):
    rows = [content[start:start + 24] for start in range(0, len(content), 24)]
    return "\n".join("    " + "".join(f"{byte}," for byte in row) for row in rows)


def main(output, *pages):
    arrays, entries = [], []
    for index, (path, content_type, file_name) in enumerate(zip(pages[::3], pages[1::3], pages[2::3])):
        with open(file_name, "rb") as file:
            content = file.read()
        arrays.append(f"static const unsigned char page_{index}[] = {{\n{c_bytes(content)}\n}};\n")
        entries.append(f'    {{"{path}", "{content_type}", page_{index}, sizeof(page_{index})}},\n')
    with open(output, "w", encoding="ascii") as file:
        file.write('#include "http/web_pages.h"\n\n' + "\n".join(arrays))
        file.write("\nconst WebPage web_pages[] = {\n" + "".join(entries) + "};\n")
        file.write("const size_t web_n_pages = sizeof(web_pages) / sizeof(web_pages[0]);\n")


main(*sys.argv[1:])
