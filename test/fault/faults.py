"""Faults, and the schedule that a seed makes of them.

A fault has a subject: what it breaks, and perhaps others that it must have
for itself.  Of one subject only one thing is broken at a time, different
subjects fail at the same time as it comes.  Each fault begins when it is due
and its subjects are free, and is healed when its time is over; so a broker
that takes five seconds to come back holds up only other faults of that
broker.

An ending is a fault after which there is no going on: the program must stop
by itself with one exit code and stay stopped.  A run has one at most, when
everything else is healed.

Numbers are those of the list in README.md; faults_*.py have them.
"""
import contextlib
import dataclasses
import threading
import time

from cluster import ConnectionLost
from proxy import ProxyError
from tools import HarnessError

# Of a schedule that may have one, this part has an ending.
ENDINGS = 0.15


@dataclasses.dataclass
class Fault:
    """What a kind of fault is.  begin(run, variant) and heal(run, variant)
    do it; a fault that is over at once has no heal."""
    name: str
    subject: str
    variants: tuple
    weight: float
    begin: object
    heal: object = None
    seconds: object = (0, 0)    # how long, from and to; or {variant: that}
    most: int = 99              # in one run
    modes: tuple = ("alo", "eos")
    needs: tuple = ()           # parts of the run that must be there
    without: tuple = ()         # parts that must not be there
    also: tuple = ()            # further subjects
    exits: tuple = ()           # of an ending: the exit codes it may have
    by_name: bool = False       # comes where it is asked for, not by chance

    @property
    def subjects(self):
        return (self.subject, *self.also)


REGISTRY = {}


def fault(name, subject, variants=("",), weight=1.0, seconds=(0, 0), most=99,
          heal=None, **more):
    """Registers the function as the beginning of that fault."""
    def register(begin):
        REGISTRY[name] = Fault(name, subject, tuple(variants), weight, begin,
                               heal, seconds, most, **more)
        return begin
    return register


def ending(name, variants, exits, **more):
    """The same for an ending: begin(run, variant) breaks it, heal repairs
    what other runs need."""
    return fault(name, "ending", variants, exits=tuple(exits), **more)


# The schedule.

@dataclasses.dataclass
class Event:
    at: float                   # seconds from the beginning
    seconds: float
    fault: str
    variant: str
    began: float = None         # what became of it
    healed: float = None
    error: str = None

    @property
    def what(self):
        return REGISTRY[self.fault]


def _named(fault_, names):
    if names is None:
        return not fault_.by_name
    return any(fault_.name == n or fault_.name.startswith(n + "-")
               for n in names)


def only_endings(names):
    """Is there nothing else by these names?"""
    return all(f.exits for f in REGISTRY.values() if _named(f, names))


def schedule(rng, count, names, mode, parts, gap=0.9, endings_part=ENDINGS,
             own=()):
    """(count events, an ending or None).  names: which faults may be chosen,
    None is all.  own: parts that these servers are there for; at least one of
    the faults is one that needs them."""
    every = [f for f in REGISTRY.values() if _named(f, names)
             and mode in f.modes and set(f.needs) <= set(parts)
             and not set(f.without) & set(parts)]
    choice = [f for f in every if not f.exits]
    endings = [f for f in every if f.exits]
    if not every:
        raise HarnessError(f"no such faults: {names}")
    events, busy, used = [], {}, {}
    special = [f for f in choice if set(f.needs) & set(own)]
    # Where one of these comes, if none came by itself before.
    due = rng.randrange(count) if special else count
    at = rng.uniform(0.5, 1.5)
    while choice and len(events) < count:
        at += rng.expovariate(1 / gap)
        now = special if len(events) == due and not any(
            f.name in used for f in special) else choice
        free = [f for f in now
                if all(busy.get(s, 0) <= at for s in f.subjects)
                and used.get(f.name, 0) < f.most]
        if not free:
            if all(used.get(f.name, 0) >= f.most for f in now):
                break
            continue
        chosen = rng.choices(free, [f.weight for f in free])[0]
        variant = rng.choice(chosen.variants)
        seconds = rng.uniform(*(
            chosen.seconds[variant] if isinstance(chosen.seconds, dict)
            else chosen.seconds))
        used[chosen.name] = used.get(chosen.name, 0) + 1
        for subject in chosen.subjects:
            # What comes back slowly is not broken again at once.
            rest = {"broker": 8, "postgres": 3}.get(subject, 0.3)
            busy[subject] = at + seconds + rest
        events.append(Event(round(at, 3), round(seconds, 3), chosen.name,
                            variant))
    last = None
    if endings and (not choice or rng.random() < endings_part):
        # Those with more variants are not to come more often for it.
        chosen = rng.choices(endings, [f.weight for f in endings])[0]
        last = Event(round(at + 1, 3), 0, chosen.name,
                     rng.choice(chosen.variants))
    return events, last


class Executor:
    """Runs a schedule against a run."""

    def __init__(self, run, events):
        self.run_, self.events = run, events
        self.begun = None
        self.stopping = threading.Event()
        self.locks = {s: threading.Lock() for e in events
                      for s in e.what.subjects}
        self.threads = []

    def start(self):
        self.begun = time.monotonic()
        for event in self.events:
            thread = threading.Thread(target=self._event, args=(event,),
                                      daemon=True, name=event.fault)
            thread.start()
            self.threads.append(thread)

    def _now(self):
        return round(time.monotonic() - self.begun, 3)

    def _event(self, event):
        what = event.what
        if self.stopping.wait(max(0, event.at - self._now())):
            return
        taken = []
        try:
            # Always in the same order, so that no two wait for each other.
            for subject in sorted(what.subjects):
                self.locks[subject].acquire()
                taken.append(subject)
            if self.stopping.is_set():
                return
            event.began = self._now()
            what.begin(self.run_, event.variant)
            if what.heal:
                self.stopping.wait(event.seconds)
                what.heal(self.run_, event.variant)
            event.healed = self._now()
        except (HarnessError, ConnectionLost, ProxyError) as error:
            event.error = f"{type(error).__name__}: {error}"
        except Exception as error:
            # Whatever it is, the run has to know that it did not happen.
            event.error = repr(error)
        finally:
            for subject in taken:
                self.locks[subject].release()

    @contextlib.contextmanager
    def calm(self, subject, seconds=15):
        """For a fault of that subject: nothing else is broken meanwhile.
        False if the others do not end; one of them may wait for this one."""
        taken = []
        until = time.monotonic() + seconds
        try:
            for other, lock in sorted(self.locks.items()):
                if other == subject:
                    continue
                if not lock.acquire(timeout=max(0, until - time.monotonic())):
                    break
                taken.append(lock)
            yield len(taken) == len(self.locks) - 1
        finally:
            for lock in taken:
                lock.release()

    def join(self, seconds=180):
        """Until all is begun and healed."""
        for thread in self.threads:
            thread.join(seconds)
            if thread.is_alive():
                raise HarnessError(f"fault {thread.name} does not end")
        errors = [e for e in self.events if e.error]
        if errors:
            raise HarnessError(f"{errors[0].fault}: {errors[0].error}")
