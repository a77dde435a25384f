/* The text of deploy/redis/barker.lua, built in by src/broker/embed_library.py. Any thread; immutable. */
#pragma once

#include <stddef.h>

extern const char redis_library_text[]; /* for FUNCTION LOAD; NUL-terminated */
extern const size_t redis_library_n_text;
extern const char redis_library_script[]; /* the same for EVAL: ARGV[1] is the function's name, then its arguments */
extern const size_t redis_library_n_script;
extern const char redis_library_sha1[]; /* of the script: 40 hexadecimal digits */
