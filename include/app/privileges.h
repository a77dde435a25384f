/* Privileges: what the process gives up before it meets a client. Main thread, before the others start. */
#pragma once

/* No program that it might yet start gains anything (PR_SET_NO_NEW_PRIVS). 0 or -errno. */
int privileges_lock(void);
/* Becomes that user, with its groups and no other; "": stays who it is. -ENOENT: there is no such user; -EPERM: only root may;
   another -errno. */
int privileges_drop(const char *user);
