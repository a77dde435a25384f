/* A topology under test, whose events are written to the journal, and whoever answers them as the backend does. Owner: the main
   thread of the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "broker/redis_topology.h"

extern RedisTopology *topology;
extern char topology_trouble[512]; /* the last reason, of the topology or of a server that is down */
extern unsigned topology_n_changed;

typedef int TopologyNew(RedisTopology **out, const RedisTopologyInput *input);

void topology_given(TopologyNew *new, const char *url); /* also starts the loop */
void topology_finish(void);                             /* also ends the loop */

bool topology_until(bool (*is_true)(void), unsigned patience_ms); /* turns and ticks meanwhile */
bool topology_is_up(void);
bool topology_is_troubled(void);

RedisServer *topology_route(const char *name);
const RedisEndpoint *topology_place(const char *name); /* where the name's server is; fails the test when it is nowhere */
void topology_subscribe(const char *name);
void topology_publish(const char *name, const char *payload, bool is_sharded);
/* Subscribes, publishes and waits until it is heard: false when it is not in time. */
bool topology_carries(const char *name, bool is_sharded);
