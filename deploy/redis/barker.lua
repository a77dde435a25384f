#!lua name=barker
-- barker.lua, version 1: the functions by which backends and gateways write and read what Barker keeps in Redis.
--
--   redis-cli -x FUNCTION LOAD REPLACE < barker.lua
--   redis-cli FCALL barker_publish 1 barker:chat:7 '{"text":"hi"}'
--   redis-cli FCALL barker_publish 1 barker:chat:7 '{"text":"hi"}' SIZE 300 AGE 3600 ID order-4711 IDAGE 600
--   redis-cli FCALL_RO barker_history 1 barker:chat:7 0 0 10 REVERSE
--
-- It runs as a Redis Functions library (Redis 7) and, where that is not allowed, by EVAL behind a prelude that gives it a `redis`
-- whose register_function collects the functions; so it uses of that table only what scripts have too. KEYS[1] is the channel's
-- name with its prefix. A user of Redis who calls it needs, besides the channel (&barker:*) and the keys (~barker:* ~{barker:*
-- ~barker/*): FCALL, FCALL_RO, PUBLISH or SPUBLISH, INFO, TIME, EXISTS, PEXPIRE, GET, SET, the stream commands X*, and for
-- presence the H*, S* and Z* ones, EXPIRE, PERSIST and DEL.
--
-- History. A channel's history is one stream under the channel's own name. IDs are <epoch>-<seq>: the epoch is the time in
-- microseconds at which that history began, seq counts from 1 without a hole. An entry has the fields
--   d  the payload
--   t  the time, milliseconds
--   s  the first 8 characters of the server's replication ID
--   r  the first 8 characters of the server's run ID
-- s and r tell whether the server that appends next has all that was said before; see is_continued.

local VERSION = 1

local DIGITS_MAX = 2 ^ 53 -- up to here a number of Lua is exact
local NO_ID = '00000000'
local TRIM_BATCH = 16 -- old entries that one publish looks at
local EMPTY_PRESENCE_SECONDS = 86400

local function fail(text)
    return redis.error_reply('ERR ' .. text)
end

-- Concatenation would write 1.7e+15.
local function decimal(number)
    return string.format('%.0f', number)
end

local function to_number(text, low, high)
    local number = type(text) == 'string' and #text <= 16 and string.find(text, '^%d+$') and tonumber(text)
    return number and number >= low and number <= high and number or nil
end

local function now_us()
    local time = redis.call('TIME')
    return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- A key beside the channel's, in the same hash slot of a cluster: under the same {tag}, or with the whole name as its tag. A name
-- that has a brace but no tag cannot have one; a cluster refuses it before anything is written.
local function sibling(key, suffix)
    if not string.find(key, '}', 1, true) then
        return '{' .. key .. '}' .. suffix
    end
    return key .. suffix
end

-- The two facts that hold as long as the process: a library keeps them, a script asks each time.
local run_id, is_cluster

local function server_run_id()
    run_id = run_id or string.match(redis.call('INFO', 'server'), 'run_id:(%x%x%x%x%x%x%x%x)') or NO_ID
    return run_id
end

local function publish(channel, message)
    if is_cluster == nil then
        is_cluster = string.find(redis.call('INFO', 'cluster'), 'cluster_enabled:1', 1, true) ~= nil
    end
    redis.call(is_cluster and 'SPUBLISH' or 'PUBLISH', channel, message)
end

-- Not kept between calls: a promotion changes the IDs of a process that runs on.
local function replication()
    local info = redis.call('INFO', 'replication')
    return string.match(info, 'master_replid:(%x%x%x%x%x%x%x%x)') or NO_ID,
        string.match(info, 'master_replid2:(%x%x%x%x%x%x%x%x)') or NO_ID
end

-- Whether this server surely has everything that was published after the entry. A second replication ID means that it was a
-- replica or came back from an RDB file: the last messages of the former server may be missing here, though subscribers have
-- heard them. Without one, either the process is the same (a first replica gives a master a new ID), or it has restarted: from an
-- append-only file it has them all, as far as Redis promised to write it (appendfsync); else it may not.
local function is_continued(entry, replid, replid2)
    if entry.s == replid then
        return true
    end
    if replid2 ~= NO_ID or not entry.s then
        return false
    end
    return entry.r == server_run_id() or string.find(redis.call('INFO', 'persistence'), 'aof_enabled:1', 1, true) ~= nil
end

local function open_entry(raw)
    local epoch, seq = string.match(raw[1], '^(%d+)%-(%d+)$')
    local entry = {epoch = epoch, seq = tonumber(seq)}
    for i = 1, #raw[2], 2 do
        entry[raw[2][i]] = raw[2][i + 1]
    end
    return entry
end

local function newest_entry(key)
    local raw = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
    return raw and open_entry(raw)
end

-- Behind all that the stream has ever held, so that no ID comes twice.
local function next_epoch(key, time_us)
    if redis.call('EXISTS', key) == 0 then
        return time_us
    end
    local info = redis.call('XINFO', 'STREAM', key)
    for i = 1, #info, 2 do
        if info[i] == 'last-generated-id' then
            return math.max(time_us, tonumber(string.match(info[i + 1], '^%d+')) + 1)
        end
    end
end

local function append(key, entry_place, size, payload, time_us, replid)
    return redis.pcall('XADD', key, 'MAXLEN', size, entry_place.epoch .. '-' .. decimal(entry_place.seq), 'd', payload, 't',
        decimal(math.floor(time_us / 1000)), 's', replid, 'r', server_run_id())
end

local function begin_epoch(key, size, payload, time_us, replid)
    local epoch = next_epoch(key, time_us)
    if epoch >= DIGITS_MAX then
        return nil, fail('barker_publish: the stream has an ID that is not of a history')
    end
    local place = {epoch = decimal(epoch), seq = 1}
    local reply = append(key, place, size, payload, time_us, replid)
    if type(reply) == 'table' and reply.err then
        return nil, reply
    end
    return place
end

-- The place that the payload got, or nil and the error reply.
local function append_next(key, size, payload, time_us)
    local newest = newest_entry(key)
    local replid, replid2 = replication()
    if newest and is_continued(newest, replid, replid2) then
        local place = {epoch = newest.epoch, seq = newest.seq + 1}
        local reply = append(key, place, size, payload, time_us, replid)
        if type(reply) ~= 'table' or not reply.err then
            return place
        end
        if not string.find(reply.err, 'equal or smaller', 1, true) then
            return nil, reply
        end -- else somebody has deleted the newest entries: what they were is not known any more
    end
    return begin_epoch(key, size, payload, time_us, replid)
end

-- A bounded piece of work for each publish; never the newest, which is of this very time.
local function trim_by_age(key, oldest_ms)
    local function is_old(raw)
        return (tonumber(open_entry(raw).t) or 0) < oldest_ms
    end
    local raws = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)
    if #raws == 0 or not is_old(raws[1]) then
        return
    end
    raws = redis.call('XRANGE', key, '-', '+', 'COUNT', TRIM_BATCH + 1)
    for i = 2, #raws do
        if i == #raws or not is_old(raws[i]) then
            redis.call('XTRIM', key, 'MINID', raws[i][1])
            return
        end
    end
end

local PUBLISH_NUMBERS = {SIZE = 1000, AGE = 86400, IDAGE = 300}
local NUMBER_MAX = 1000000000
local ID_MAX = 255 -- bytes

local function publish_options(args)
    local options = {}
    for word, number in pairs(PUBLISH_NUMBERS) do
        options[word] = number
    end
    for i = 2, #args, 2 do
        local word, value = string.upper(args[i]), args[i + 1]
        if not value then
            return nil, fail('barker_publish: an option without its value')
        elseif PUBLISH_NUMBERS[word] then
            options[word] = to_number(value, 1, NUMBER_MAX)
            if not options[word] then
                return nil, fail('barker_publish: ' .. word .. ' is a number from 1 to 1000000000')
            end
        elseif word == 'ID' then
            options.ID = value
            if #value == 0 or #value > ID_MAX then
                return nil, fail('barker_publish: ID has 1 to 255 bytes')
            end
        else
            return nil, fail('barker_publish: an unknown option')
        end
    end
    return options
end

-- barker_publish 1 <channel> <payload> [SIZE messages] [AGE seconds] [ID text] [IDAGE seconds]
-- Returns epoch (a string), seq, and 1 when a message with that ID had been published already: then that one's place.
local function barker_publish(keys, args)
    if #keys ~= 1 or #args < 1 then
        return fail('barker_publish: one key, a payload and options')
    end
    local options, mistake = publish_options(args)
    if not options then
        return mistake
    end
    local key, payload = keys[1], args[1]
    local id_key = options.ID and sibling(key, '|id|' .. options.ID)
    local known = id_key and redis.call('GET', id_key)
    if known then
        local epoch, seq = string.match(known, '^(%d+)%-(%d+)$')
        return {epoch, tonumber(seq), 1}
    end
    local time_us = now_us()
    local place, failure = append_next(key, decimal(options.SIZE), payload, time_us)
    if not place then
        return failure
    end
    local id = place.epoch .. '-' .. decimal(place.seq)
    trim_by_age(key, math.floor(time_us / 1000) - options.AGE * 1000)
    redis.call('PEXPIRE', key, decimal(options.AGE * 1000))
    if id_key then
        redis.call('SET', id_key, id, 'EX', decimal(options.IDAGE))
    end
    publish(key, '\0barker/1 m ' .. id .. '\n' .. payload)
    return {place.epoch, place.seq, 0}
end

-- Whether what follows `since` is here to the last message.
local function is_joined(key, since, head)
    if not head or since.epoch ~= head.epoch or since.seq > head.seq or not is_continued(head, replication()) then
        return false
    end
    local id = head.epoch .. '-' .. decimal(since.seq + 1)
    return since.seq == head.seq or #redis.call('XRANGE', key, id, id) == 1
end

-- Entries behind since, or all, as epoch, seq, payload, …; and whether there are more.
local function read_entries(key, since, head, limit, is_reverse)
    if not head then
        return {}, false
    end
    local n_all = since and head.seq - since.seq or redis.call('XLEN', key)
    local raws = {}
    if limit > 0 and n_all > 0 then
        local low = since and head.epoch .. '-' .. decimal(since.seq + 1) or '-'
        if since and not is_reverse then
            raws = redis.call('XRANGE', key, low, '+', 'COUNT', decimal(limit))
        else
            raws = redis.call('XREVRANGE', key, '+', low, 'COUNT', decimal(limit))
        end
    end
    local flat = {}
    local is_turned = not since and not is_reverse
    for i = 1, #raws do
        local entry = open_entry(raws[is_turned and #raws + 1 - i or i])
        if entry.d and entry.seq > 0 then
            flat[#flat + 1] = entry.epoch
            flat[#flat + 1] = entry.seq
            flat[#flat + 1] = entry.d
        end
    end
    return flat, #raws < n_all
end

local ORDERS = {RESUME = true, FORWARD = true, REVERSE = true}

local function to_since(epoch, seq)
    if not string.find(epoch, '^%d+$') or not string.find(seq, '^%d+$') then
        return nil
    end
    return {epoch = string.gsub(epoch, '^0+(%d)', '%1'), seq = tonumber(seq)}
end

-- barker_history 1 <channel> <since-epoch> <since-seq> <limit> <RESUME|FORWARD|REVERSE>; since 0 0: none
-- Returns is_recovered, the newest message's epoch ("0": there is none) and seq, has_more, and the messages.
local function barker_history(keys, args)
    local order = args[4] and string.upper(args[4])
    local since = args[4] and to_since(args[1], args[2])
    local limit = to_number(args[3], 0, NUMBER_MAX)
    if #keys ~= 1 or #args ~= 4 or not since or not limit or not ORDERS[order] then
        return fail('barker_history: one key, since-epoch, since-seq, limit and RESUME, FORWARD or REVERSE')
    end
    local key = keys[1]
    local head = newest_entry(key)
    local epoch, seq = head and head.epoch or '0', head and head.seq or 0
    if since.epoch == '0' and order ~= 'RESUME' then
        since = nil
    end
    if since and not is_joined(key, since, head) or order == 'RESUME' and head.seq - since.seq > limit then
        return {0, epoch, seq, 0, {}}
    end
    local messages, has_more = read_entries(key, since, head, limit, order == 'REVERSE')
    if order == 'RESUME' and #messages ~= 3 * (head.seq - since.seq) then
        return {0, epoch, seq, 0, {}} -- somebody has deleted from the middle
    end
    return {1, epoch, seq, has_more and 1 or 0, messages}
end

-- Presence. The hash <channel>|presence has a field for each user in the channel, "u" and the user's name, with the member (a JSON
-- object) and the connections that each node has of it; its field v is the number of the last event. The set
-- <channel>|presence|<node> has the node's users. The first version is the time, so that a hash which was lost does not begin
-- anew at numbers that have been heard.

local USER_MAX, MEMBER_MAX = 255, 4096 -- bytes

local function presence_key(key)
    return sibling(key, '|presence')
end

local function node_key(key, node)
    return sibling(key, '|presence|' .. node)
end

local function presence_version(hash)
    return tonumber(redis.call('HGET', hash, 'v') or 0)
end

local function presence_event(key, hash, kind, user, member)
    if redis.call('HEXISTS', hash, 'v') == 0 then
        redis.call('HSET', hash, 'v', decimal(now_us()))
    end
    local version = redis.call('HINCRBY', hash, 'v', 1)
    publish(key, '\0barker/1 ' .. kind .. ' ' .. decimal(version) .. ' ' .. #user .. '\n' .. user .. member)
    return version
end

local function presence_load(hash, user)
    local packed = redis.call('HGET', hash, 'u' .. user)
    if not packed then
        return nil
    end
    local record = cmsgpack.unpack(packed)
    return {member = record[1], shares = record[2]}
end

local function presence_save(hash, user, presence)
    redis.call('HSET', hash, 'u' .. user, cmsgpack.pack({presence.member, presence.shares}))
end

-- Takes the node's share away. True when that was the user's last.
local function presence_leave(key, hash, user, presence, node)
    presence.shares[node] = nil
    if next(presence.shares) then
        presence_save(hash, user, presence)
        return false
    end
    redis.call('HDEL', hash, 'u' .. user)
    presence_event(key, hash, 'l', user, presence.member)
    if redis.call('HLEN', hash) == 1 then
        redis.call('EXPIRE', hash, EMPTY_PRESENCE_SECONDS)
    end
    return true
end

local function presence_enter(key, hash, user, presence, node, n_connections, member)
    local is_new = not presence
    presence = presence or {member = member, shares = {}}
    if presence.shares[node] == n_connections then
        return false
    end
    presence.shares[node] = n_connections
    presence_save(hash, user, presence)
    redis.call('SADD', node_key(key, node), user)
    if is_new then
        redis.call('PERSIST', hash)
        presence_event(key, hash, 'j', user, member)
    end
    return is_new
end

-- barker_presence_set 1 <channel> <node> <user> <connections> <member>
-- The node has that many connections of the user. Returns 1 when the user has come, -1 when it has gone, else 0; and the version.
local function barker_presence_set(keys, args)
    local node, user, member = args[1], args[2], args[4]
    local n_connections = to_number(args[3], 0, NUMBER_MAX)
    if #keys ~= 1 or #args ~= 4 or node == '' or not n_connections then
        return fail('barker_presence_set: one key, a node, a user, connections and a member')
    elseif #user == 0 or #user > USER_MAX or #member > MEMBER_MAX then
        return fail('barker_presence_set: a user has 1 to 255 bytes, a member up to 4096')
    end
    local key = keys[1]
    local hash = presence_key(key)
    local presence = presence_load(hash, user)
    local change = 0
    if n_connections > 0 then
        change = presence_enter(key, hash, user, presence, node, n_connections, member) and 1 or 0
    else
        redis.call('SREM', node_key(key, node), user)
        if presence and presence.shares[node] then
            change = presence_leave(key, hash, user, presence, node) and -1 or 0
        end
    end
    return {change, presence_version(hash)}
end

-- barker_presence 1 <channel>
-- Returns the version, then user, connections, member of each.
local function barker_presence(keys, args)
    if #keys ~= 1 or #args ~= 0 then
        return fail('barker_presence: one key')
    end
    local fields = redis.call('HGETALL', presence_key(keys[1]))
    local flat = {0}
    for i = 1, #fields, 2 do
        if fields[i] == 'v' then
            flat[1] = tonumber(fields[i + 1])
        else
            local record = cmsgpack.unpack(fields[i + 1])
            local n_connections = 0
            for _, n in pairs(record[2]) do
                n_connections = n_connections + n
            end
            flat[#flat + 1] = string.sub(fields[i], 2)
            flat[#flat + 1] = n_connections
            flat[#flat + 1] = record[1]
        end
    end
    return flat
end

-- barker_presence_bury 1 <channel> <node>
-- Takes away all that the node has in the channel. Returns how many users have gone by it.
local function barker_presence_bury(keys, args)
    if #keys ~= 1 or #args ~= 1 or args[1] == '' then
        return fail('barker_presence_bury: one key and a node')
    end
    local key, node = keys[1], args[1]
    local hash = presence_key(key)
    local users = redis.call('SMEMBERS', node_key(key, node))
    local n_gone = 0
    for _, user in ipairs(users) do
        local presence = presence_load(hash, user)
        if presence and presence.shares[node] and presence_leave(key, hash, user, presence, node) then
            n_gone = n_gone + 1
        end
    end
    redis.call('DEL', node_key(key, node))
    return n_gone
end

local DEAD_MAX = 64 -- names told at once; the others come with the next call

-- barker_lease 1 <zset> <node> <lease-ms> <0|1|-1>; 0: keep it unless it has run out, 1: take it, -1: give it up
-- Returns whether the node has it now, then the nodes whose leases have run out.
local function barker_lease(keys, args)
    local node, lease_ms, mode = args[1], to_number(args[2], 1, NUMBER_MAX), args[3]
    if #keys ~= 1 or #args ~= 3 or node == '' or not lease_ms or not (mode == '0' or mode == '1' or mode == '-1') then
        return fail('barker_lease: one key, a node, milliseconds and 0, 1 or -1')
    end
    local key = keys[1]
    local now_ms = math.floor(now_us() / 1000)
    local is_kept = mode == '1'
    if mode == '-1' then
        redis.call('ZREM', key, node)
    elseif mode == '0' then
        is_kept = (tonumber(redis.call('ZSCORE', key, node) or 0) or 0) > now_ms
    end
    if is_kept then
        redis.call('ZADD', key, decimal(now_ms + lease_ms), node)
    end
    local reply = {is_kept and 1 or 0}
    for _, name in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', decimal(now_ms), 'LIMIT', 0, DEAD_MAX)) do
        reply[#reply + 1] = name
    end
    return reply
end

local function barker_version()
    return VERSION
end

redis.register_function{function_name = 'barker_publish', callback = barker_publish}
redis.register_function{function_name = 'barker_history', callback = barker_history, flags = {'no-writes'}}
redis.register_function{function_name = 'barker_presence_set', callback = barker_presence_set}
redis.register_function{function_name = 'barker_presence', callback = barker_presence, flags = {'no-writes'}}
redis.register_function{function_name = 'barker_presence_bury', callback = barker_presence_bury}
redis.register_function{function_name = 'barker_lease', callback = barker_lease}
redis.register_function{function_name = 'barker_version', callback = barker_version, flags = {'no-writes'}}
