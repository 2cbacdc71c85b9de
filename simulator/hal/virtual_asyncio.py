"""The core of asyncio on the board's ticks; the VM's own lives on the host's clock.

It stands in for the built-in module `_asyncio`. Tasks wait in a list sorted by the tick at which
they are due, compared by difference: right across the wrap at 2**30.
"""

from time import ticks_diff, ticks_ms


class TaskQueue:
    """Tasks in the order in which they are due; together due, first in is first out."""

    def __init__(self):
        self._head = None

    def peek(self):
        """Return the task that is due first, or None."""
        return self._head

    def push(self, task, key=None):
        """Add a task that is due at tick `key`, else now."""
        key = ticks_ms() if key is None else key
        task.data = None
        task.ph_key = key
        before = None
        after = self._head
        while after is not None and ticks_diff(key, after.ph_key) >= 0:
            before = after
            after = after.next
        task.next = after
        self._link(before, task)

    def pop(self):
        """Remove and return the task that is due first."""
        task = self._head
        if task is None:
            raise IndexError("empty queue")
        self._head = task.next
        return task

    def remove(self, task):
        """Remove one task, wherever it stands."""
        before = None
        at = self._head
        while at is not task:
            before = at
            at = at.next
        self._link(before, task.next)

    def _link(self, before, task):
        if before is None:
            self._head = task
        else:
            before.next = task


class Task:
    """One coroutine. `state`: True runs, None done, False done and waited for, else who waits."""

    def __init__(self, coro, core=None):
        self.coro = coro
        self.data = None  # what it waits on; the exception it ended with
        self.state = True
        self.ph_key = 0
        self.next = None
        if core:
            Task._core = core  # asyncio.core's globals: the running task, the queue

    def __iter__(self):
        if not self.state:
            self.state = False
        elif self.state is True:
            self.state = TaskQueue()
        elif not isinstance(self.state, TaskQueue):
            raise RuntimeError("can't wait")
        return self

    def __next__(self):
        if not self.state:
            raise self.data
        waiter = Task._core["cur_task"]
        self.state.push(waiter)
        waiter.data = self

    def done(self):
        """Return whether the coroutine has ended."""
        return not self.state

    def cancel(self):
        """Have CancelledError raised in the coroutine; return False where it has ended."""
        if not self.state:
            return False
        core = Task._core
        if self is core["cur_task"]:
            raise RuntimeError("can't cancel self")
        task = self
        while isinstance(task.data, Task):
            task = task.data
        queue = core["_task_queue"]
        if hasattr(task.data, "remove"):  # it waits for a lock, an event or a socket
            task.data.remove(task)
            queue.push(task)
        elif ticks_diff(task.ph_key, ticks_ms()) > 0:  # it sleeps
            queue.remove(task)
            queue.push(task)
        task.data = core["CancelledError"]
        return True
