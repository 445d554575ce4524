"""The machine that makes observed equal to desired. It knows no resource and no HTTP.

Why it exists
-------------
A request is accepted before any cloud is called: the API writes what the user wants (`resource.desired`), and a row of
work, in one transaction. Clouds fail, answer late, lose answers, and are changed by others. So nothing here is a
procedure that runs from beginning to end. Everything is a loop that reads the store, compares it with the cloud, and
takes at most one step. Whatever is interrupted, by a crash or by a cloud, is simply looked at again.

Three rules follow, and every module keeps them:

1. Write before you call. What a call is about to do is stored first (`Presence.creating_since`), the call carries our
   marker, and a call whose answer was lost is looked for in the cloud before it is made again.
2. One outside change for each look. A look returns an outcome: settled, waiting, retry, blocked, held. It never waits.
3. Notifications are for speed, sweeps are for truth. With every notification lost, the same state is still reached.

In which order
--------------
A work item is a key, `(kind, id, cloud)`, never a payload. This is what happens to a server and its network:

1. `queue.loop` claims an item under a lease with a fencing number. Every later write of the look checks that fence.
2. The item without a cloud is the resource as a whole. `converge.assign` chooses a cloud, stores it as the resource's
   home, writes a presence there, and hands later changes to each presence.
3. The item with a cloud is one presence. `converge.converge` takes one step:
     a. `guard.holds`: is a hold in force? Then nothing is done.
     b. `converge.needs`: is all that it needs there? If not, presences of that are written, and this one waits.
     c. No id in the cloud yet: create it there, exactly once.
     d. Else observe it, ask the kind's lifecycle for a plan, and carry out one step of it.
   `converge.retire` takes the steps of a presence that is no longer wanted: dependents first, then the delete, and the
   row is dropped only when the cloud has confirmed that nothing is left.
4. `converge.ending` writes the outcome in the transaction of what was observed: the item is finished, or has a time or
   another resource to wait for.
5. `sweep.sweep` lists each cloud meanwhile. What is as we hold it settles presences by the hundred (`sweep.ingest`);
   what is not becomes drift and findings, which only an operator or an operator's rule acts upon.
6. Whenever a presence is written, the resource's document is written in the same transaction (`machine.write`), so that
   the API reads it ready-made.

Where to look
-------------
Imports point down this list, and a contract in `.importlinter` keeps it so:

    queue      who works on what and when: the worker's loop, lanes and their owners, purge, metrics, clock skew
    sweep      a cloud as a whole: listings, ingest, what matches no presence, findings and remedies, mirrors
    converge   one resource: assignment, needs, one step of a presence, its end, open actions
    adopt      taking existing things under management, detaching a cloud, rebuilding a lost database
    guard      what stops or slows a change: holds, a suspect link, limits, things that came back

What all of them share stands beside them:

    kind       what the machine must know of a kind (`Lifecycle`, its traits): the only way a resource enters here
    machine    the parts (store, clouds, clock, lifecycles), and the writes that every step ends with
    outcome    what a look can come to
    drift      how an observed difference is distinguished from work that is still to be done
    relations  which kinds are looked at when a resource of another kind moves or changes
    budget, tempo, sweep_timing     how often each cloud is listed, and what that costs

A question, and where its answer is:

    Why is this server still BUILD?                      `fractus resource show`, then converge/needs and outcome
    Why was this cloud chosen?                           converge/assign, converge/colocation
    Where is what follows others (an attachment)?        converge/following, docs/decisions/0022
    What if a server changes its cloud?                  converge/relocation
    What must a step know of other rows?                 kind, `ReadsFacts`; relations; sweep/related
    What happens when a create's answer is lost?         converge/converge, `_create`; tests/unit/reconcile/test_create
    What if the cloud is down?                           converge/converge, `_no_answer`; guard/link; docs/faults.md
    What if somebody deletes it in the cloud?            converge/converge, `_vanished`; drift; sweep/remedy
    What if two workers look at the same item?           store/work (leases); tests/unit/reconcile/test_races
    What may be deleted in a cloud?                      converge/retire, converge/orphans, guard/same_child (law 6)

tests/unit/reconcile/toy_kinds.py has the smallest kinds that exercise all of it; tests/crash stops the worker at every
call.
"""
