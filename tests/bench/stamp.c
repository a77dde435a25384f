#include "stamp.h"

#include <stdio.h>
#include <string.h>

void stamp_mark_init(StampMark *mark, uint32_t run) {
    snprintf(mark->text, sizeof(mark->text), "bk%06x:", run & 0xffffff);
}

void stamp_write(char *text, size_t n_bytes, const StampMark *mark, const Stamp *stamp) {
    char head[STAMP_BYTES + 1];
    snprintf(head, sizeof(head), "%s%08x:%04x:%016llx:", mark->text, stamp->sequence, stamp->channel & 0xffff,
             (unsigned long long)stamp->sent_ns);
    memcpy(text, head, STAMP_BYTES);
    memset(text + STAMP_BYTES, 'x', n_bytes - STAMP_BYTES);
}

static uint64_t read_hex(const char *text, unsigned n_digits) {
    uint64_t value = 0;
    for (unsigned i = 0; i < n_digits; i++) {
        unsigned digit = (unsigned char)text[i];
        value = value << 4 | (digit >= 'a' ? digit - 'a' + 10 : digit - '0');
    }
    return value;
}

bool stamp_find(Stamp *stamp, const StampMark *mark, const void *bytes, size_t n_bytes) {
    const char *found = memmem(bytes, n_bytes, mark->text, STAMP_MARK_BYTES);
    if (found == NULL || (size_t)((const char *)bytes + n_bytes - found) < STAMP_BYTES)
        return false;
    stamp->sequence = (uint32_t)read_hex(found + STAMP_MARK_BYTES, 8);
    stamp->channel = (uint32_t)read_hex(found + STAMP_MARK_BYTES + 9, 4);
    stamp->sent_ns = read_hex(found + STAMP_MARK_BYTES + 14, 16);
    return true;
}
