/* ring.pml - the protocol of a ring, as include/wire.h has it, for spin: ./check runs it.
 *
 * A writer (two threads, one after the other, that own the ring) and the collector, every access to shared
 * memory a step of its own. Words are events, numbered; the collector must read each once, and in order. What
 * is given back to the system reads as 0, which is no event. Who waits for ever is found as a deadlock.
 *
 * spin's memory has one order for all. What acquire and release forbid elsewhere is therefore among the
 * variants below, as steps that change places. Each is wrong, and check sees to it that it is found so.
 */
#define WORDS 4 /* of the buffer; a page is one of them */
#define STEP 2  /* how far the limit is moved at once */
#define WINDOW 2
#define MOST 5  /* events of a thread */
#define TRIMS 1
#define HELD 128 /* in limit */

byte buffer[WORDS];
byte head, tail, begin, limit; /* shared, as in struct wire_ring */
mtype = { FREE, CLAIMED, BUSY, LAST };
mtype state = FREE;            /* enum wire_ring_state */
byte written;                  /* events so far, of all threads */
byte consumed;

/* ---- the program's threads --------------------------------------------------------------------- */

#ifdef PLAIN_LIMIT /* wrong: stored, not exchanged */
#define MOVE_LIMIT(to) limit = to; moved = true
#else
#define MOVE_LIMIT(to) \
    atomic { \
        if \
        :: limit == was -> limit = to; moved = true \
        :: else \
        fi \
    }
#endif

#ifdef ANEW_UNREAD /* wrong: whatever is to be read */
#define MAY_BEGIN_ANEW (seen != my_head || my_head % WORDS != 0)
#else
#define MAY_BEGIN_ANEW (seen == my_head)
#endif

/* Of several words an event is published only with its last. */
inline own_ring()
{
    my_head = head;
    my_limit = my_head;
    my_begin = my_head;
    limit = my_limit;
}

inline ask()
{
    seen = tail;
    if
    :: seen < my_begin -> seen = my_begin
    :: else
    fi;
    if
    :: MAY_BEGIN_ANEW && my_head % WORDS + STEP > WINDOW ->
        my_head = (my_head / WORDS + 1) * WORDS;
        my_begin = my_head;
        seen = my_head;
#ifdef BEGIN_LATE /* wrong: the head is there before what belongs to it */
        head = my_head;
        begin = my_begin
#else
        begin = my_begin;
        head = my_head
#endif
    :: else
    fi;
    was = limit;
    moved = false;
    if
    :: was < HELD && seen + WORDS > my_head ->
        to = (my_head + STEP < seen + WORDS -> my_head + STEP : seen + WORDS);
        MOVE_LIMIT(to);
        if
        :: moved -> my_limit = to
        :: else
        fi
    :: else -> /* waits until there is a reason to ask again */
        (limit < HELD && (tail > seen || seen + WORDS > my_head))
    fi
}

proctype threads()
{
    byte my_head, my_limit, my_begin; /* struct thread */
    byte seen, was, to, owner, target;
    bool moved;
    do
    :: owner < 2 ->
        atomic { state == FREE -> state = CLAIMED };
        own_ring();
        state = BUSY;
        owner++;
        target = owner * MOST;
        do
        :: written < target ->
#ifdef WRITE_EARLY /* wrong: no acquire, so the word is written before the tail was looked at */
            buffer[my_head % WORDS] = written + 1;
#endif
            do
            :: my_head >= my_limit -> ask()
            :: else -> break
            od;
            buffer[my_head % WORDS] = written + 1;
            written++;
            my_head++;
            if
            :: true -> head = my_head
            :: written < target && my_head < my_limit /* more of the same event */
            fi
        :: else -> break
        od;
        state = LAST
    :: else -> break
    od
}

/* ---- the collector ----------------------------------------------------------------------------- */

inline read_head()
{
#ifdef BEGIN_EARLY /* wrong: begin read before the head was acquired */
    skip_to = begin;
    my_head = head;
#else
    my_head = head;
    skip_to = begin;
#endif
    if
    :: skip_to > my_tail && skip_to <= my_head -> my_tail = skip_to
    :: else
    fi
}

inline consume()
{
    assert(buffer[my_tail % WORDS] == consumed + 1);
    consumed++;
    my_tail++
}

inline sweep()
{
    read_head();
#ifdef TAIL_EARLY /* wrong: no release, so the tail is there before the words were read */
    tail = my_head;
#endif
    do
    :: my_tail < my_head ->
        consume();
        if
        :: true -> tail = my_tail /* in between, or only at the end */
        :: true
        fi
    :: else -> break
    od;
    if
    :: tail < my_tail -> tail = my_tail
    :: else
    fi
}

#ifdef PUNCH_TO_HEAD /* wrong: the writer may be further than it has told */
#define KEPT_UP_TO my_head
#else
#define KEPT_UP_TO kept
#endif

inline punch(from, up_to)
{
    i = 0;
    do
    :: i < WORDS ->
        if
        :: (i + WORDS * 16 - from) % WORDS >= up_to - from -> buffer[i] = 0
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

inline trim()
{
    kept = limit;
    if
    :: kept >= my_tail && kept - my_tail < WORDS ->
        held = false;
#ifdef NOT_HELD /* wrong: the writer goes on meanwhile */
        held = true;
#else
        atomic {
            if
            :: limit == kept -> limit = kept + HELD; held = true
            :: else
            fi
        };
#endif
#ifdef PUNCH_LATE /* wrong: after the writer may go on */
        if
        :: held -> limit = kept
        :: else
        fi;
#endif
        if
        :: held -> punch(my_tail, KEPT_UP_TO)
        :: else
        fi;
#if !defined(NOT_HELD) && !defined(PUNCH_LATE) && !defined(HELD_FOR_EVER) /* the last: wrong, the writer waits */
        if
        :: held -> limit = kept
        :: else
        fi
#endif
    :: else
    fi
}

#ifdef RELEASE_UNREAD /* wrong: the thread may have written since the head was read */
#define ALL_READ (my_head == my_tail)
#else
#define ALL_READ (head == my_tail)
#endif

#ifdef TRIM_CLAIMED /* wrong: who claims the ring has no agreement yet */
#define MAY_TRIM (state != FREE)
#else
#define MAY_TRIM (state == BUSY || state == LAST)
#endif

proctype collector()
{
    byte my_tail, my_head, skip_to, kept, i, idle, trims, releases;
    bool held;
    do
    :: head != my_tail -> sweep()
    :: idle < 1 && state == BUSY -> idle++; sweep()
    :: trims < TRIMS && MAY_TRIM -> trims++; trim()
    :: state == LAST && ALL_READ -> /* the thread is gone: the ring is the collector's */
        punch(my_tail, my_tail);
        tail = my_tail;
        releases++;
        state = FREE
    :: releases == 2 -> break
    od;
    assert(consumed == 2 * MOST)
}

init
{
    atomic {
        run threads();
        run collector()
    }
}
