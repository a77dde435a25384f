/* A cluster for presence: one broker in memory, several nodes, time that the test owns. What a node asks is executed in order, and
   answered in order, when the test says so; events come on a way of their own. Owner: the main thread of the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/presence.h"
#include "presence_broker.h"

enum { WORLD_NODES = 3, WORLD_START_MS = 1000 };

typedef struct World World;

World *world_new(void);
World *world_free(World *world);

void world_start_node(World *world, unsigned node); /* its link is up, it is subscribed to all channels */
void world_kill_node(World *world, unsigned node);
void world_stop_node(World *world, unsigned node); /* in order */
bool world_node_has_stopped(const World *world, unsigned node);
Presence *world_presence(World *world, unsigned node);

void world_cut(World *world, unsigned node, bool is_executed); /* is_executed: what it had asked still reaches the broker */
void world_heal(World *world, unsigned node);
void world_wipe(World *world);        /* the broker loses everything; links stay */
void world_count_small(World *world); /* versions begin at 0, not at the time in µs */
void world_refuse(World *world, bool is_refused);

/* A connection of user u in channel c. */
void world_enter(World *world, unsigned node, unsigned channel, unsigned user);
void world_leave(World *world, unsigned node, unsigned channel, unsigned user);
void world_ask(World *world, unsigned node, unsigned channel);

/* One step of a node's link; false when there was nothing to do. */
bool world_execute(World *world, unsigned node);
bool world_answer(World *world, unsigned node);
bool world_deliver(World *world, unsigned node);
bool world_lose_event(World *world, unsigned node);

void world_settle(World *world);              /* all links, until nothing is to do */
void world_tick(World *world, uint64_t n_ms); /* time passes for all, 100 ms at a time, without a step of the links */
void world_run(World *world, uint64_t n_ms);  /* the same, with all their steps */

/* A bit for each user. */
uint32_t world_broker_has(const World *world, unsigned channel);
uint32_t world_truth(const World *world, unsigned channel);                   /* connected to a node that lives */
uint32_t world_told(const World *world, unsigned node, unsigned channel);     /* by the first ask and the announcements since */
bool world_is_told(const World *world, unsigned node, unsigned channel);      /* it has asked and was answered */
uint32_t world_answered(const World *world, unsigned node, unsigned channel); /* the last answer */
unsigned world_broker_connections(const World *world, unsigned channel, unsigned user);

/* Since the last world_forget_counts. A broken one is a join of who is there, or a leave of who is not. */
unsigned world_n_joins(const World *world, unsigned node);
unsigned world_n_leaves(const World *world, unsigned node);
unsigned world_n_broken(const World *world, unsigned node);
unsigned world_n_calls(const World *world); /* of all nodes */
BrokerResult world_last_result(const World *world, unsigned node);
void world_forget_counts(World *world);
