#include "base/quota.h"

enum { QUOTA_UNIT = 1000 }; /* so that a rate a second is a whole number a millisecond */

void quota_init(Quota *quota, const QuotaLimit *limit, uint64_t now_ms) {
    *quota = (Quota){.level = (int64_t)limit->burst * QUOTA_UNIT, .at_ms = now_ms};
}

static void quota_fill(Quota *quota, const QuotaLimit *limit, uint64_t now_ms) {
    int64_t full = (int64_t)limit->burst * QUOTA_UNIT;
    if (quota->level > full) /* the limit was a larger one */
        quota->level = full;
    if (now_ms <= quota->at_ms)
        return;
    uint64_t n_ms = now_ms - quota->at_ms;
    quota->at_ms = now_ms;
    /* Compared by division: the time may be long, and the product would not fit. */
    if (n_ms > (uint64_t)(full - quota->level) / limit->per_second)
        quota->level = full;
    else
        quota->level += (int64_t)(n_ms * limit->per_second);
}

void quota_change(Quota *quota, const QuotaLimit *before, const QuotaLimit *limit, uint64_t now_ms) {
    if (before->per_second == 0) {
        quota_init(quota, limit, now_ms);
        return;
    }
    int64_t full = (int64_t)limit->burst * QUOTA_UNIT, grown = full - (int64_t)before->burst * QUOTA_UNIT;
    quota_fill(quota, before, now_ms);
    int64_t taken_back = grown < 0 ? 0 : grown < quota->let_off ? grown : quota->let_off;
    quota->level += grown - taken_back;
    quota->let_off -= taken_back;
    if (quota->level < -full) {
        quota->let_off += -full - quota->level;
        quota->level = -full;
    }
}

int quota_take(Quota *quota, const QuotaLimit *limit, uint32_t n, uint64_t now_ms) {
    if (limit->per_second == 0)
        return QUOTA_OK;
    quota_fill(quota, limit, now_ms);
    int64_t debt = -(int64_t)limit->burst * QUOTA_UNIT;
    int result = quota->level >= QUOTA_UNIT ? QUOTA_OK : QUOTA_OVER;
    quota->level -= (int64_t)n * QUOTA_UNIT;
    if (quota->level <= debt) {
        quota->level = debt;
        result = result == QUOTA_OK ? QUOTA_OK : QUOTA_SPENT;
    }
    return result;
}
