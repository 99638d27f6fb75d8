/* gate.pml - how a program's part in a run begins and ends while its threads go on, as hooks/enter.h, hooks/enter.c,
 * session/attached.c and commands/attach/inside.c have it, for spin: ./check runs it.
 *
 * Threads call hooks at any time, also when none is in place any more: a program may keep a pointer. trace-attach
 * attaches, detaches and attaches again. A thread that is busy uses the ring of its run: nobody may have unmapped that,
 * and no event of one run may get into the next. A thread stores "busy" and loads the epoch without a barrier between
 * them, so that store may wait in its processor (as on x86-64) until something drains it: another store, an exchange,
 * membarrier(), or time.
 */
#define THREADS 2
#define CALLS 3 /* of a thread */
#define RUNS 2

byte epoch, last_epoch; /* gate.c */
bool live;              /* tracing == TRACING_LIVE */
byte generation;        /* attach_generation */
byte mapped;            /* the generation whose rings are mapped; 0 = none */
byte inside;            /* threads_inside */
byte ended;             /* threads */

typedef state { /* struct thread */
    bool busy;  /* as others see it */
    byte epoch = 255;
    byte generation;
    bool waits, stored /* a store to busy that nobody else sees yet */
};
state t[THREADS];

#define DRAIN(i) \
    if \
    :: t[i].waits -> t[i].busy = t[i].stored; t[i].waits = false \
    :: else \
    fi
#define STORE_BUSY(i, value) d_step { DRAIN(i); t[i].stored = value; t[i].waits = true }
#define EXCHANGE(i, what) d_step { DRAIN(i); what }

proctype time(byte i)
{
    do
    :: d_step { t[i].waits -> t[i].busy = t[i].stored; t[i].waits = false }
    :: ended == THREADS && !t[i].waits -> break
    od
}

/* ---- threads --------------------------------------------------------------------------------------- */

inline slow()
{
#ifndef INSIDE_LATE /* wrong: between the look and the count it is not seen */
    EXCHANGE(i, inside++);
#endif
    if
    :: live -> /* session_ready() */
        seen = epoch;
        if
#ifdef ONE_LOOK /* wrong: the epoch may be the one that a detach has begun meanwhile */
        :: true ->
#else
        :: live ->
#endif
#ifdef INSIDE_LATE
            EXCHANGE(i, inside++);
#endif
            if
#ifdef RING_KEPT /* wrong: the ring is that of the run before */
            :: t[i].generation == 0 ->
#else
            :: t[i].generation != generation ->
#endif
                assert(mapped == generation);
                t[i].generation = generation
            :: else
            fi;
            t[i].epoch = seen;
#ifndef BUSY_LATE /* wrong: in between it is neither inside nor busy */
            STORE_BUSY(i, true);
#endif
#ifdef INSIDE_LATE
            EXCHANGE(i, inside--);
#endif
            records = true
#ifndef ONE_LOOK
        :: else
#endif
        fi
    :: else
    fi;
#ifndef INSIDE_LATE
    EXCHANGE(i, inside--);
#endif
#ifdef BUSY_LATE
    STORE_BUSY(i, records)
#endif
}

proctype thread(byte i)
{
    byte seen, calls;
    bool records;
    do
    :: calls < CALLS ->
        calls++;
        records = false;
#ifdef EPOCH_FIRST /* wrong: what changes it may see no busy thread, and this thread no change */
        seen = epoch;
        STORE_BUSY(i, true);
#else
        STORE_BUSY(i, true);
        seen = epoch;
#endif
        if
        :: t[i].epoch == seen -> records = true
        :: else ->
            STORE_BUSY(i, false);
            slow()
        fi;
        if
        :: records ->
            assert(mapped == t[i].generation); /* writes the event */
            STORE_BUSY(i, false)
        :: else
        fi
    :: calls == CALLS || generation == RUNS && !mapped -> break
    od;
    ended++
}

/* ---- trace-attach, and what it calls in the program -------------------------------------------------- */

inline attach()
{
    assert(!mapped);
    mapped = generation + 1;
    generation++;
#ifdef EPOCH_AGAIN /* wrong: threads remember it from the run before */
    epoch = 1;
#else
    last_epoch++;
    epoch = last_epoch;
#endif
    live = true
}

inline detach()
{
    live = false;
#ifndef EPOCH_KEPT /* wrong: threads have no reason to look */
    last_epoch = epoch + 1;
    epoch = last_epoch;
#endif
#ifndef NO_BARRIER /* wrong: a thread may be busy without being seen so */
    d_step { /* membarrier() */
        n = 0;
        do
        :: n < THREADS -> DRAIN(n); n++
        :: else -> break
        od
    };
#endif
    skip
}

inline leave()
{
    do
    ::
        out = true;
#ifndef INSIDE_UNSEEN /* wrong: a thread that gets its ring is not busy yet */
        if
        :: inside > 0 -> out = false
        :: else
        fi;
#endif
        n = 0;
        do
        :: out && n < THREADS ->
#ifndef BUSY_UNSEEN /* wrong: it may be writing an event */
            if
            :: t[n].busy && t[n].generation == generation -> out = false
            :: else
            fi;
#endif
            n++
        :: else -> break
        od;
        if
        :: out -> break
        :: else
        fi
    od;
    mapped = 0
}

proctype attacher()
{
    byte n;
    bool out;
    do
    :: generation < RUNS -> attach(); detach(); leave()
    :: else -> break
    od
}

init
{
    atomic {
        run thread(0);
        run thread(1);
        run time(0);
        run time(1);
        run attacher()
    }
}
