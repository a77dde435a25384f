/* HTTP status: the reason phrases (RFC 9110 15). Constant; any thread. */
#pragma once

const char *http_status_text(unsigned status); /* "Error" for one that is not sent here */
