/* Listen addresses as people write them. Plain values, any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { LISTEN_ADDRESS_OK, LISTEN_ADDRESS_BAD };
enum { LISTEN_ADDRESS_TEXT_SIZE = sizeof(((struct sockaddr_un *)0)->sun_path) + sizeof("unix:") };

typedef struct ListenAddress {
    union {
        struct sockaddr any; /* AF_INET, AF_INET6 or AF_UNIX */
        struct sockaddr_storage storage;
    } socket;
    socklen_t n_bytes;  /* of socket, for bind and connect */
    bool is_dual_stack; /* AF_INET6 that takes IPv4 too (IPV6_V6ONLY off) */
} ListenAddress;

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080" (127.0.0.1), ":8080" (every interface, IPv4 and IPv6) or
   "unix:/absolute/path"; port 0 lets the kernel choose. Numeric only: nothing is looked up. LISTEN_ADDRESS_BAD sets *why to a
   static text that says what would be right. */
int listen_address_parse(ListenAddress *address, const char *text, const char **why);
/* The form that listen_address_parse takes, NUL-terminated, cut at n_text bytes (LISTEN_ADDRESS_TEXT_SIZE is enough).
   Returns text. */
char *listen_address_format(char *text, size_t n_text, const ListenAddress *address);
bool listen_address_is_equal(const ListenAddress *a, const ListenAddress *b);
/* Whether nobody but programs of this machine can reach it. */
bool listen_address_is_local(const ListenAddress *address);
