#include "broker/redis_counters.h"

const char *redis_cause_name(RedisCause cause) {
    static const char *const names[REDIS_CAUSES] = {
        [REDIS_CAUSE_RESOLVE] = "resolve",
        [REDIS_CAUSE_CONNECT] = "connect",
        [REDIS_CAUSE_CONNECT_TIMEOUT] = "connect_timeout",
        [REDIS_CAUSE_TLS] = "tls",
        [REDIS_CAUSE_GREETING] = "greeting",
        [REDIS_CAUSE_GREETING_TIMEOUT] = "greeting_timeout",
        [REDIS_CAUSE_NOT_MASTER] = "not_master",
        [REDIS_CAUSE_REPLY_TIMEOUT] = "reply_timeout",
        [REDIS_CAUSE_CANARY] = "canary",
        [REDIS_CAUSE_CLOSED] = "closed",
        [REDIS_CAUSE_SOCKET] = "socket",
        [REDIS_CAUSE_PROTOCOL] = "protocol",
        [REDIS_CAUSE_OVERFLOW] = "overflow",
        [REDIS_CAUSE_MEMORY] = "memory",
        [REDIS_CAUSE_MOVED] = "moved",
    };
    return names[cause];
}
