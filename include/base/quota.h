/* Quota: a token bucket. It holds at most a burst and fills by so many a second; what is taken beyond it is a debt, at most
   another burst. Owner: whoever embeds it. */
#pragma once

#include <stdint.h>

enum {
    QUOTA_OK,
    QUOTA_OVER,  /* there was none: try later */
    QUOTA_SPENT, /* and the debt is as large as it may be */
};

typedef struct QuotaLimit {
    uint32_t per_second; /* 0: no limit at all */
    uint32_t burst;      /* at least 1 where there is a limit */
} QuotaLimit;

typedef struct Quota {
    int64_t level;   /* thousandths; below 0 the debt */
    int64_t let_off; /* of the debt, by a limit that is too low for it: a higher one takes it back */
    uint64_t at_ms;
} Quota;

void quota_init(Quota *quota, const QuotaLimit *limit, uint64_t now_ms); /* full */
/* The limit was before and is now another one: what has been taken stays taken. */
void quota_change(Quota *quota, const QuotaLimit *before, const QuotaLimit *limit, uint64_t now_ms);
/* QUOTA_OK while the bucket holds at least one, whatever n is: so a burst bounds what comes at once to a burst and n. All of n
   is charged in any case. The limit may be another one each time. */
int quota_take(Quota *quota, const QuotaLimit *limit, uint32_t n, uint64_t now_ms);
