/* Activation: listening sockets that systemd opened before this process began, by the protocol of sd_listen_fds(3), so that a
   restart refuses nobody: they stay open meanwhile. Owner: the main thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/config_address.h"

enum { ACTIVATION_FIRST = 3, ACTIVATION_MAX = 64, ACTIVATION_NAME_SIZE = 16 };

typedef struct ActivationSocket {
    int fd; /* -1: taken */
    ListenAddress address;
    char name[ACTIVATION_NAME_SIZE]; /* FileDescriptorName, when it is one of ours; else "" */
} ActivationSocket;

typedef struct Activation {
    ActivationSocket sockets[ACTIVATION_MAX];
    uint32_t n_sockets;
} Activation;

/* Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, and removes them. first: the first descriptor, ACTIVATION_FIRST but in tests.
   0, also when nothing was inherited; -ENOTSOCK: one of the descriptors is not a listening stream socket; -E2BIG. */
int activation_init(Activation *activation, int first);
void activation_finish(Activation *activation); /* closes what nobody has taken */

/* A socket for this kind ("clients", "wss", "admin"), which the caller then owns: the next that bears the kind as its name, whatever
   its address, which is told; or, without a name of ours, the one that listens at *address. -1: there is none. */
int activation_take_named(Activation *activation, const char *kind, ListenAddress *address);
int activation_take_at(Activation *activation, const ListenAddress *address);

const ActivationSocket *activation_left(const Activation *activation); /* one that nobody has taken; NULL: none */
