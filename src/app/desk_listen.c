#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/desk.h"
#include "base/error.h"
#include "base/log.h"
#include "net/listener.h"

/* The configuration was checked for its own addresses; an inherited one may be any. */
static bool desk_may_listen_at(const Desk *desk, const ListenAddress *address) {
    return listen_address_is_local(address) || desk->options.config->admin_token[0];
}

static int desk_refuse(int fd, const char *address) {
    log_event(LOG_LEVEL_ERROR, "cannot_listen", log_text("kind", "admin"), log_text("address", address),
              log_text("reason", "it is beyond loopback, where admin.token has to guard it: set it"));
    close(fd);
    return error_origin(-EACCES);
}

/* fd: inherited; below 0: opened here. */
static int desk_listen_at(Desk *desk, ListenAddress address, int fd) {
    char text[LISTEN_ADDRESS_TEXT_SIZE];
    bool is_inherited = fd >= 0;
    if (is_inherited && !desk_may_listen_at(desk, &address))
        return desk_refuse(fd, listen_address_format(text, sizeof(text), &address));
    int r = is_inherited ? 0 : listener_open(&fd, &address.socket.any, address.n_bytes, address.is_dual_stack, false);
    if (r == 0 && address.socket.any.sa_family != AF_UNIX)
        getsockname(fd, &address.socket.any, &address.n_bytes);
    if (r == 0)
        r = listener_new(&desk->listeners[desk->n_bound], &desk->loop.uv, fd, &http_server_listener_ops, desk->http);
    listen_address_format(text, sizeof(text), &address);
    if (r < 0) {
        log_event(LOG_LEVEL_ERROR, "cannot_listen", log_text("kind", "admin"), log_text("address", text),
                  log_text("reason", strerror(-r)));
        return error_trace(r);
    }
    log_event(LOG_LEVEL_INFO, "listening", log_text("kind", "admin"), log_text("address", text),
              log_text("socket", is_inherited ? "inherited" : "own"));
    desk->is_inherited[desk->n_bound++] = is_inherited;
    desk->is_far |= !listen_address_is_local(&address);
    return 0;
}

int desk_listen(Desk *desk, Activation *inherited) {
    const Config *config = desk->options.config;
    ListenAddress address;
    int fd, r = 0;
    while (r == 0 && config->n_admin_addresses > 0 && desk->n_bound < CONFIG_MAX_ADDRESSES &&
           (fd = activation_take_named(inherited, "admin", &address)) >= 0)
        r = desk_listen_at(desk, address, fd);
    if (desk->n_bound > 0)
        return r < 0 ? error_trace(r) : 0;
    for (uint32_t i = 0; r == 0 && i < config->n_admin_addresses; i++)
        r = desk_listen_at(desk, config->admin_addresses[i], activation_take_at(inherited, &config->admin_addresses[i]));
    return r < 0 ? error_trace(r) : 0;
}
