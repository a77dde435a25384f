#include "app/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/error.h"

int privileges_lock(void) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? error_origin(-errno) : 0;
}

/* Root could be had back unless all three ids are the user's. */
static bool privileges_are_gone(uid_t user, gid_t group) {
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;
    return getresuid(&real, &effective, &saved) == 0 && real == user && effective == user && saved == user &&
           getresgid(&real_group, &effective_group, &saved_group) == 0 && real_group == group && effective_group == group &&
           saved_group == group;
}

int privileges_drop(const char *user) {
    if (!*user)
        return 0;
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (!entry)
        return error_origin(errno ? -errno : -ENOENT);
    uid_t uid = entry->pw_uid;
    gid_t gid = entry->pw_gid;
    if (getuid() == uid && geteuid() == uid)
        return 0;
    if (initgroups(user, gid) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
        return error_origin(-errno);
    return privileges_are_gone(uid, gid) ? 0 : error_origin(-EPERM);
}
