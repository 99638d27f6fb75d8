/* children.pml - the table of stacks' nodes, preload/guest/stack/children.c, while threads look for one stack and add it,
 * and the table grows, for spin: ./check runs it.
 *
 * Two threads find or make the node of a stack, twice each; a third one adds another stack to the same line, and a fourth
 * replaces the table. Two nodes may come of it, if one thread has looked in vain and the other one makes its node in a
 * table that is being replaced: but a look-up that begins when one that was to make it has ended makes none. A table that is let go
 * reads as empty.
 */
#define TABLES 3
#define PLACES 2 /* of a line; an entry goes into the first that is free */
#define OTHER 99 /* the other stack's entry */

typedef line { byte at[PLACES] };
line table[TABLES];
byte now, before = TABLES; /* TABLES: none */
bool ended;                /* a look-up that has seen to it that the node is there */

inline find(in)
{
    child = 0;
    place = 0;
    do
    :: place < PLACES ->
        found = (in < TABLES -> table[in].at[place] : 0);
        if
        :: found && found != OTHER -> child = found; break
        :: found == 0 -> break
        :: else -> place++
        fi
    :: else -> break
    od
}

/* Sets child to what is there afterwards. */
inline add(in, node)
{
    child = 0;
    place = 0;
    do
    :: place < PLACES ->
        found = table[in].at[place];
        if
        :: found == 0 ->
#ifdef PLAIN_STORE /* wrong: another thread may have been first */
            table[in].at[place] = node;
            child = node;
            break
#else
            atomic {
                found = table[in].at[place];
                if
                :: found == 0 -> table[in].at[place] = node; child = node
                :: else
                fi
            };
            if
            :: child -> break
            :: else
            fi
#endif
        :: else
        fi;
#ifndef GO_ON /* wrong: who lost the place may have lost it to the same stack */
        if
        :: (found == OTHER) == (node == OTHER) && found -> child = found; break
        :: else
        fi;
#endif
        place++
    :: else -> break
    od
}

proctype thread(byte own)
{
    byte in, done, calls, child, place, found, node;
    bool ended_before;
    do
    :: calls < 2 ->
        calls++;
        ended_before = ended;
        done = TABLES;
        in = now;
        find(in);
        if
        :: child == 0 -> in = before; find(in)
        :: else
        fi;
        node = child;
        if
        :: node == 0 ->
            node = own + calls;
            in = now;
            do
            :: in != done ->
                add(in, node);
                node = (child -> child : node);
                done = in;
#ifdef ADD_ONCE /* wrong: that table may have been copied already */
                skip
#else
                in = now
#endif
            :: else -> break
            od
        :: else
        fi;
        assert(!ended_before || node != own + calls);
        ended = ended || done != TABLES
    :: else -> break
    od
}

proctype another()
{
    byte child, place, found;
    add(now, OTHER)
}

inline copy(from, to)
{
    i = 0;
    do
    :: i < PLACES ->
        entry = (from < TABLES -> table[from].at[i] : 0);
        if
        :: entry -> add(to, entry)
        :: else
        fi;
        i++
    :: else -> break
    od
}

/* Several at a time are kept apart by a flag, which needs no model. */
proctype grower()
{
    byte i, entry, child, place, found, old;
    do
    :: now + 1 < TABLES ->
        old = before;
#ifdef LATE_TO_NEXT /* wrong: for a moment it is neither in now nor in before */
        copy(now, now + 1);
        copy(old, now + 1);
#else
#ifndef LATE_LOST /* wrong: what was added to the one before since that was copied */
        copy(old, now);
#endif
        copy(now, now + 1);
#endif
        before = now;
        atomic {
            if
            :: old < TABLES -> table[old].at[0] = 0; table[old].at[1] = 0
            :: else
            fi
        };
        now++;
#ifdef NOT_KEPT /* wrong: entries that were added while it was copied */
        before = TABLES
#endif
    :: now + 1 == TABLES -> break
    od
}

init
{
    atomic {
        run thread(10);
        run thread(20);
        run another();
        run grower()
    }
}
