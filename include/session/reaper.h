/* Reaper: the one place that frees sessions and drops what ending ones still hold. Owner: one worker. */
#pragma once

typedef struct SessionTable SessionTable;

/* Of each session in the table's ending list: drops the subscriptions; destroys and frees it when it is CLOSED. Called at the
   end of a turn, from outside of every callback of the hub and of transports. */
void reaper_run(SessionTable *table);
