//! The same commands to the stand-in and to a real Redis, version 7.0 or later: the answers are the
//! same, byte for byte, errors included. Where no order is promised, lists are compared sorted.

use loadlab_e2e::{RealRedis, not_run};

use super::{
    start::StandIn,
    wire::{Answer, Wire},
};

/// Sequences by family, commands between semicolons; each starts from nothing. `~` before a command: its lists have no order.
const SEQUENCES: [(&str, &str); 9] = [
    ("strings", STRINGS),
    ("numbers", NUMBERS),
    ("keys", KEYS),
    ("expiry", EXPIRY),
    ("hashes", HASHES),
    ("lists", LISTS),
    ("sets", SETS),
    ("sorted sets", SORTED_SETS),
    ("connections", CONNECTIONS),
];

const STRINGS: &str = "\
    SET k v; GET k; GET none; SET k w NX; GET k; SET k w XX; GET k; SET none w XX; SET k x GET; \
    SET new x GET; SET k y NX GET; SET k y XX GET; GET k; SET k v NX XX; SET k v EX; SET k v EX 0; \
    SET k v PX -5; SET k v EX abc; SET k v EX 9223372036854775807; SET k v NONSENSE; SET k; \
    SET k v EX 5 PX 5; SET k v EX 5 KEEPTTL; SET k v EX 100; SET k w KEEPTTL; TTL k; SET k w; TTL k; \
    SETNX k z; SETNX fresh z; SETEX k 100 v; TTL k; SETEX k 0 v; PSETEX k 100000 v; TTL k; \
    PSETEX k -1 v; GETSET k g; TTL k; GETSET unset g; GETDEL k; GETDEL k; GET k; SET k v; \
    GETEX k EX 100; TTL k; GETEX k PERSIST; TTL k; GETEX k NONSENSE; GETEX k EX; GETEX none EX 5; \
    MSET a 1 b 2; MGET a b none; MSET a; MSET a 1 b; MSETNX a 1 z 2; EXISTS z; MSETNX y 1 z 2; \
    MGET y z; APPEND k more; APPEND unborn x; STRLEN k; STRLEN none; GETRANGE k 0 1; GETRANGE k -2 -1; \
    GETRANGE k 5 2; GETRANGE none 0 -1; GETRANGE k a 1; LPUSH list x; GET list; SET list v GET; \
    GETSET list v; APPEND list v; STRLEN list; MGET list a; SET list v; GET list; OBJECT ENCODING list; \
    SET n 12345; OBJECT ENCODING n; OBJECT ENCODING none; OBJECT REFCOUNT list; OBJECT NONSENSE k; GET; \
    GET a b; FOO bar baz; FOO";

const NUMBERS: &str = "\
    INCR n; INCRBY n 41; DECR n; DECRBY n 2; GET n; INCRBY n x; INCRBY n 1.5; \
    DECRBY n -9223372036854775808; SET n 9223372036854775807; INCR n; SET n abc; INCR n; DECR n; \
    SET n 10; INCRBYFLOAT n 0.5; INCRBYFLOAT n -0.25; GET n; INCRBYFLOAT n abc; INCRBYFLOAT n inf; \
    INCRBYFLOAT n 3; SET n 0.1; INCRBYFLOAT n 0.2; SET n 5.0e3; INCRBYFLOAT n 200; SET n 01; INCR n; \
    SET n -0; INCR n; LPUSH l x; INCR l; INCRBYFLOAT l 1; SET t 1 EX 100; INCR t; TTL t; \
    INCRBYFLOAT t 1; TTL t";

const KEYS: &str = "\
    MSET a 1 b 2 ab 3 abc 4; ~KEYS *; ~KEYS a*; ~KEYS a?; ~KEYS [ab]; ~KEYS [^a]; EXISTS a b none a; \
    DEL a none; UNLINK b; DEL a; TYPE ab; TYPE none; RPUSH l 1; TYPE l; SADD s 1; TYPE s; HSET h f v; \
    TYPE h; ZADD z 1 m; TYPE z; RENAME ab x; GET x; RENAME none x; RENAME x x; RENAMENX x abc; \
    RENAMENX x y; RENAMENX none y; RENAMENX y y; SET y v EX 100; RENAME y yy; TTL yy; TOUCH yy none; \
    DBSIZE; SCAN abc; SCAN 0 COUNT 0; SCAN 0 COUNT x; SCAN 0 NONSENSE; ~SCAN 0 COUNT 1000; \
    ~SCAN 0 MATCH y* COUNT 1000; ~SCAN 0 TYPE list COUNT 1000; ~HSCAN h 0; ~SSCAN s 0; ~ZSCAN z 0; \
    HSCAN none 0; HSCAN s 0; HSCAN h x; OBJECT ENCODING h; OBJECT ENCODING z; MEMORY USAGE none; \
    MEMORY NONSENSE; FLUSHDB; DBSIZE; RANDOMKEY; SET only 1; RANDOMKEY; SELECT 1; DBSIZE; SET other 1; \
    FLUSHALL NONSENSE; FLUSHALL ASYNC; DBSIZE; SELECT 0; DBSIZE; SELECT 16; SELECT -1; SELECT x";

const EXPIRY: &str = "\
    SET k v; TTL k; PTTL k; TTL none; PTTL none; EXPIRE none 10; EXPIRE k 100; TTL k; EXPIRE k 50 GT; \
    TTL k; EXPIRE k 200 GT; TTL k; EXPIRE k 300 LT; EXPIRE k 100 LT; TTL k; EXPIRE k 5 NX; \
    EXPIRE k 100 XX; PERSIST k; PERSIST k; PERSIST none; EXPIRE k 100 XX; EXPIRE k 100 GT; \
    EXPIRE k 100 LT; TTL k; EXPIRE k 1 NX XX; EXPIRE k 1 NX GT; EXPIRE k 1 GT LT; EXPIRE k 1 nonsense; \
    EXPIRE k abc; EXPIRE k 9223372036854775807; PEXPIRE k 9223372036854775807; PEXPIRE k 100000; TTL k; \
    EXPIREAT k 4102444800; EXPIRETIME k; PEXPIRETIME k; PEXPIREAT k 4102444800123; PEXPIRETIME k; \
    EXPIRETIME k; EXPIRETIME none; PERSIST k; PEXPIRETIME k; SET k v PXAT 4102444800123; PEXPIRETIME k; \
    SET k v EXAT 4102444800; EXPIRETIME k; EXPIRE k -1; EXISTS k; SET k v; PEXPIREAT k 1; EXISTS k; \
    SET k v PXAT 1; GET k; SET k v; EXPIRE k 0; GET k; SET k v EX 100; GETEX k PXAT 1; EXISTS k; \
    RPUSH l a; EXPIRE l 100; RPUSH l b; TTL l; LPOP l 2; TTL l";

const HASHES: &str = "\
    HSET h a 1 b 2; HSET h a 3 c 4; HSET h a; HSET h a 1 b; HGET h a; HGET h none; HGET none a; \
    HMSET h d 5; HMGET h a none d; HMGET none a; ~HGETALL h; HGETALL none; ~HKEYS h; ~HVALS h; \
    HKEYS none; HLEN h; HLEN none; HEXISTS h a; HEXISTS h none; HSTRLEN h a; HSTRLEN h none; \
    HSETNX h a 9; HSETNX h e 9; HDEL h a none; HDEL none a; HINCRBY h n 5; HINCRBY h n -7; \
    HINCRBY h n x; HSET h t text; HINCRBY h t 1; HINCRBYFLOAT h f 1.5; HINCRBYFLOAT h f 0.25; \
    HINCRBYFLOAT h t 1; HINCRBYFLOAT h f x; HSET h m 9223372036854775807; HINCRBY h m 1; \
    HDEL h b c d e n t f m; EXISTS h; SET s v; HGET s a; HSET s a 1; HDEL s a; HLEN s; \
    HINCRBY none x abc; EXISTS none";

const LISTS: &str = "\
    RPUSH l a b c; LPUSH l z y; LRANGE l 0 -1; LRANGE l 1 2; LRANGE l -2 -1; LRANGE l 5 1; \
    LRANGE none 0 -1; LRANGE l x 1; LLEN l; LLEN none; LPOP l; RPOP l; LPOP none; LPOP none 2; \
    LPOP l 0; LPOP l 2; RPOP l 9; EXISTS l; LPOP l -1; LPOP l x; LPOP l 1 2; LPUSHX l a; RPUSHX l a; \
    RPUSH l a b c a b c a; LINDEX l 0; LINDEX l -1; LINDEX l 99; LINDEX none 0; LINDEX l x; LSET l 0 A; \
    LSET l -1 Z; LSET l 99 x; LSET none 0 x; LSET l x y; LREM l 1 b; LREM l -1 c; LREM l 0 a; \
    LREM none 0 a; LRANGE l 0 -1; LINSERT l BEFORE b X; LINSERT l AFTER b Y; LINSERT l BEFORE none X; \
    LINSERT none BEFORE b X; LINSERT l NONSENSE b X; LRANGE l 0 -1; LTRIM l 1 2; LRANGE l 0 -1; \
    LTRIM l 5 9; EXISTS l; LTRIM none 0 1; RPUSH l a b c; RPOPLPUSH l m; RPOPLPUSH l l; LRANGE l 0 -1; \
    LRANGE m 0 -1; RPOPLPUSH none m; LMOVE l m LEFT RIGHT; LRANGE m 0 -1; LMOVE l m NONSENSE RIGHT; \
    SET s v; LPUSH s a; LRANGE s 0 -1; LPOP s; RPOPLPUSH s l; RPOPLPUSH l s; LRANGE l 0 -1; LINDEX s 0; \
    LSET s 0 x";

const SETS: &str = "\
    SADD s a b c a; SADD s a d; ~SMEMBERS s; SMEMBERS none; SCARD s; SCARD none; SISMEMBER s a; \
    SISMEMBER s x; SMISMEMBER s a x; SMISMEMBER none a; SREM s a x; SREM none a; SADD t b c e; \
    ~SINTER s t; ~SUNION s t; ~SDIFF s t; SINTER s none; ~SUNION s none; SDIFF none s; SMOVE s t b; \
    SMOVE s t x; SMOVE none t b; ~SMEMBERS t; SINTERSTORE out s t; ~SMEMBERS out; SUNIONSTORE out s t; \
    ~SMEMBERS out; SDIFFSTORE out none s; EXISTS out; SADD one x; SRANDMEMBER one; SRANDMEMBER one 5; \
    SRANDMEMBER one -3; SRANDMEMBER none; SRANDMEMBER none 3; SRANDMEMBER one x; SPOP one; SPOP one; \
    EXISTS one; SADD one x; SPOP one 5; SPOP none 5; SPOP one -1; SPOP one 0; SET k v; SADD k a; \
    SMEMBERS k; SINTER k s; SPOP k; SMOVE s k c; ~SMEMBERS s; SISMEMBER k a";

const SORTED_SETS: &str = "\
    ZADD z 1 a 2 b 3 c; ZADD z 1 a 5 d; ZADD z CH 1.5 a 9 e; ZADD z NX 7 a 7 f; ZADD z XX 8 a 8 g; \
    ZADD z GT 1 a; ZADD z GT CH 10 a; ZADD z LT CH 4 a; ZADD z NX XX 1 a; ZADD z GT LT 1 a; \
    ZADD z NX GT 1 a; ZADD z INCR 2.5 a; ZADD z NX INCR 1 a; ZADD z INCR 1 a 2 b; ZADD z x a; ZADD z 1; \
    ZADD z 1 a 2; ZADD z nan a; ZSCORE z a; ZSCORE z none; ZSCORE none a; ZMSCORE z a none; \
    ZINCRBY z 2 b; ZINCRBY z -0.5 new; ZINCRBY z x b; ZADD i inf a; ZINCRBY i -inf a; \
    ZADD i INCR -inf a; ZCARD z; ZCARD none; ZRANGE z 0 -1; ZRANGE z 0 -1 WITHSCORES; ZRANGE z 0 1 REV; \
    ZRANGE z 2 6 BYSCORE; ZRANGE z (4 +inf BYSCORE WITHSCORES; ZRANGE z 9 2 BYSCORE REV LIMIT 1 2; \
    ZRANGE z 0 1 LIMIT 0 1; ZRANGE z a b; ZRANGE z 1 x BYSCORE; ZRANGE none 0 -1; \
    ZREVRANGE z 0 1 WITHSCORES; ZRANGEBYSCORE z -inf +inf; ZRANGEBYSCORE z (1 5 WITHSCORES LIMIT 0 2; \
    ZRANGEBYSCORE z 1 5 LIMIT -1 2; ZRANGEBYSCORE z 1 9 LIMIT 1 -1; ZREVRANGEBYSCORE z +inf -inf; \
    ZRANGEBYSCORE z x 5; ZCOUNT z 2 6; ZCOUNT z (2 +inf; ZCOUNT z x 1; ZCOUNT none 1 2; ZRANK z a; \
    ZRANK z none; ZREVRANK z a; ZRANK none a; ZREM z a none; ZREM none a; ZPOPMIN z; ZPOPMAX z; \
    ZPOPMIN z 2; ZPOPMAX none; ZPOPMIN z -1; ZPOPMIN z x; ZPOPMIN z 0; ZADD r 1 a 2 b 3 c 4 d 5 e; \
    ZREMRANGEBYRANK r 0 1; ZREMRANGEBYRANK r -1 -1; ZREMRANGEBYSCORE r 3 3; ZRANGE r 0 -1 WITHSCORES; \
    ZREMRANGEBYSCORE r -inf +inf; EXISTS r; ZADD s 1 b 1 a 1 c; ZRANGE s 0 -1; SET k v; ZADD k 1 a; \
    ZRANGE k 0 -1; ZSCORE k a; ZADD e 1e300 a 1000000 b 0.5 c; ZRANGE e 0 1 WITHSCORES; \
    ZADD none XX 1 a; EXISTS none";

const CONNECTIONS: &str = "\
    PING; PING hello; PING a b; ECHO hello; ECHO; MULTI; SET a 1; INCR a; LPUSH a x; GET a; EXEC; \
    MULTI; MULTI; DISCARD; DISCARD; EXEC; MULTI; NONSENSE; SET a 5; EXEC; GET a; MULTI; GET; EXEC; \
    MULTI; WATCH a; EXEC; WATCH a; SET a 7; MULTI; GET a; EXEC; WATCH a; UNWATCH; SET a 8; MULTI; EXEC; \
    MULTI; SELECT 1; SET in1 x; SELECT 0; EXEC; SELECT 1; GET in1; SELECT 0; AUTH password; \
    AUTH default x; AUTH nobody x; AUTH a b c; HELLO 4; HELLO x; HELLO 2 NONSENSE; \
    HELLO 3 AUTH nobody x; CLIENT SETNAME me; CLIENT GETNAME; CLIENT SETNAME; CLIENT NONSENSE; \
    CLIENT NO-EVICT on; CLIENT NO-EVICT maybe; CLIENT ID x; CONFIG GET maxmemory; \
    CONFIG SET maxmemory 100mb; CONFIG GET maxmemory; CONFIG SET maxmemory 0; \
    CONFIG GET maxmemory-policy; CONFIG SET maxmemory-policy allkeys-lru; CONFIG GET maxmemory-policy; \
    CONFIG SET maxmemory-policy noeviction; CONFIG SET maxmemory x; CONFIG SET nonsense 1; \
    CONFIG GET nonsense; CONFIG GET appendonly; CONFIG GET save; CONFIG NONSENSE; CONFIG GET; \
    CONFIG SET a; PUBLISH nobody hello; PUBSUB NUMSUB a b; PUBSUB NUMPAT; PUBSUB CHANNELS; \
    PUBSUB NONSENSE; UNSUBSCRIBE; PUNSUBSCRIBE; SUBSCRIBE c; PING; PING x; GET a; UNSUBSCRIBE c; PING; \
    PSUBSCRIBE p*; SET a b; RESET; GET a; COMMAND INFO nonsense; OBJECT; EXEC x; FLUSHALL";

/// Bytes for a connection of their own, and all that comes back up to its end.
const RAW: [&str; 14] = [
    "PING\r\nQUIT\r\n",
    "ping\nquit\n",
    "  \r\n*0\r\n*-1\r\nQUIT\r\n",
    "ECHO \"a \\x41 b\\n\"\r\nECHO 'it\\'s'\r\nQUIT\r\n",
    "ECHO \"a\r\n",
    "ECHO \"a\"b\r\n",
    "*1\r\n$4\r\nPING\r\n*x\r\n",
    "*1\r\nPING\r\n",
    "*2\r\n$3\r\nGET\r\n:1\r\n",
    "*1\r\n$-1\r\n",
    "*1\r\n$x\r\n",
    "*1\r\n$536870913\r\n",
    "*+1\r\n",
    "*01\r\n",
];

fn both(sequence: &str, resp3: bool, real: &RealRedis) {
    let stand_in = StandIn::start();
    let (mut ours, mut theirs) = (Wire::to(stand_in.address), Wire::to(real.address));
    theirs.ask("FLUSHALL");
    if resp3 {
        ours.ask("HELLO 3");
        theirs.ask("HELLO 3");
    }
    let commands = SEQUENCES.iter().find(|(name, _)| *name == sequence).expect("a sequence").1;
    let mut differences = Vec::new();
    for command in commands.split("; ") {
        let (unordered, command) = command.strip_prefix('~').map_or((false, command), |rest| (true, rest));
        let form = |answer: Answer| if unordered { answer.sorted() } else { answer };
        let (ours, theirs) = (form(ours.ask(command)), form(theirs.ask(command)));
        if ours != theirs {
            differences.push(format!("{command}\n    stand-in {ours:?}\n    Redis    {theirs:?}"));
        }
    }
    assert!(differences.is_empty(), "{sequence}, RESP3 {resp3}:\n{}", differences.join("\n"));
}

#[test]
fn answers_are_those_of_a_real_redis() {
    let real = match RealRedis::start() {
        Ok(real) => real,
        Err(why) => return not_run("answers are those of a real Redis", &why),
    };
    let mut failed = Vec::new();
    for (sequence, _) in SEQUENCES {
        for resp3 in [false, true] {
            let run = std::panic::AssertUnwindSafe(|| both(sequence, resp3, &real));
            if let Err(panic) = std::panic::catch_unwind(run) {
                failed.push(panic.downcast_ref::<String>().cloned().unwrap_or_default());
            }
        }
    }
    for bytes in RAW {
        let [ours, theirs] = [StandIn::start().address, real.address].map(|address| {
            let mut wire = Wire::to(address);
            wire.send(bytes.as_bytes());
            wire.finish();
            wire.rest()
        });
        if ours != theirs {
            failed.push(format!("{bytes:?}\n    stand-in {ours:?}\n    Redis    {theirs:?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
