#include "session/slow.h"

#include <string.h>

#include "base/error.h"
#include "session/session.h"
#include "session/table.h"

static void evicted(void *context, const Frame *frame, bool is_superseded) {
    Session *session = context;
    counter_add(&session->table->counters.evicted_frames[frame->slow], 1);
    if (!is_superseded && session->dialect->gap_frame)
        subscriber_mark_gap(&session->subscriber, frame->channel_token);
}

bool slow_make_room(Session *session, const Frame *next) {
    if (next->slow == SLOW_CLOSE)
        return false;
    if (next->slow == SLOW_LATEST)
        outbox_evict_superseded(&session->outbox, next, evicted, session);
    return outbox_evict_oldest(&session->outbox, next, evicted, session) == OUTBOX_OK;
}

int slow_gather_notices(Session *session, uint8_t *scratch, size_t n_scratch, SlowNotices *notices) {
    *notices = (SlowNotices){.n_frames = 0};
    const ListNode *head = &session->subscriber.subscriptions;
    for (const ListNode *node = head->next; node != head && session->subscriber.n_gaps > 0; node = node->next) {
        Subscription *subscription = container_of(node, Subscription, link);
        if (!subscription->has_gap)
            continue;
        Frame *frame;
        int r = session->dialect->gap_frame(&frame, subscription->channel, GAP_SLOW);
        if (r < 0)
            return error_trace(r);
        bool fits = notices->n_bytes + frame->n_bytes <= n_scratch;
        if (fits) {
            memcpy(scratch + notices->n_bytes, frame->bytes, frame->n_bytes);
            notices->n_bytes += frame->n_bytes;
            notices->n_frames++;
            subscription_clear_gap(subscription);
        }
        frame_unref(frame);
        if (!fits)
            break;
    }
    return 0;
}
