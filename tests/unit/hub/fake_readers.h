/* Fake readers: a hub whose subscribers remember what they were told. Owner: the main thread of the test. */
#pragma once

#include "hub/hub.h"

enum { N_READERS = 3 };

typedef struct Reader {
    Subscriber subscriber;
    uint32_t n_sent, n_subscribed, n_refused, n_removed, n_gaps;
    uint64_t request_id;
    int refusal;
    Position position; /* of the channel when it was subscribed or told of a gap */
    GapReason reason;
    uint64_t channel_token; /* of the last frame */
    SlowPolicy slow;
    char last[32];
} Reader;

typedef struct FakeReaders {
    Hub hub; /* "chat" is SLOW_LATEST, all else SLOW_DROP_OLDEST */
    Reader all[N_READERS];
    uint32_t n_wants, n_unwants, n_encoded;
    uint64_t token; /* of the last want */
    char wanted[32];
} FakeReaders;

extern FakeReaders readers;
extern const HubOps reader_ops;
extern const FrameEncoder reader_text, reader_binary;
extern const FrameEncoder reader_failing;    /* never has memory */
extern const FrameEncoder reader_data_alone; /* has no frame for who came or went */
extern const Position somewhere;             /* 5-70 */

void readers_begin(void); /* all of them with reader_text */
void readers_end(void);   /* all leave; nothing may be left */

int readers_subscribe(int reader, const char *channel, uint64_t request_id);
int readers_subscribe_held(int reader, const char *channel, uint64_t request_id);
Subscription *readers_find(int reader, const char *channel);
void readers_answer(const char *channel, bool is_granted); /* the last want, with somewhere; or refused with 3 */
void readers_deliver_as(const char *channel, const char *payload, MessageKind kind, Position position);
void readers_deliver(const char *channel, const char *payload);
Position readers_position_of(const char *channel);
