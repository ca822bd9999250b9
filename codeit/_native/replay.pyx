# cython: language_level=3, boundscheck=False, wraparound=False
"""Arrays in, arrays out: the priority buffer of csrc/replay.

Ids are uint16, offsets and slots int64, priorities float64, iterations int32, origins uint8, keys
uint64 [N, 2]; inputs are C-contiguous and of exactly these types. List k of ids is
ids[offsets[k]:offsets[k + 1]].
"""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy
from libcpp.memory cimport unique_ptr
from libcpp.vector cimport vector

import numpy as np

from codeit.ranges import integer


cdef extern from "<string_view>" namespace "std" nogil:
    cdef cppclass string_view:
        string_view() noexcept
        string_view(const char *, size_t) noexcept


cdef extern from "replay/key.h" namespace "codeit::replay" nogil:
    cdef cppclass Key:
        pass
    Key make_key(string_view task_digest, string_view program) noexcept


cdef extern from "replay/draw.h" namespace "codeit::replay" nogil:
    const double kMinWeight
    const double kMaxWeight


cdef extern from "replay/priority_buffer.h" namespace "codeit::replay" nogil:
    cdef cppclass IdLists:
        const uint16_t *ids
        size_t num_ids
        const int64_t *offsets

    cdef cppclass Experiences:
        size_t size
        const Key *keys
        const double *priority
        const int32_t *iteration
        const uint8_t *origin
        IdLists source
        IdLists target

    cdef enum class Stored(uint8_t):
        inserted
        updated
        replaced
        refused

    cdef enum FaultKind "codeit::replay::Fault::Kind":
        no_fault "codeit::replay::Fault::none"
        bad_priority "codeit::replay::Fault::bad_priority"
        bad_source_offset "codeit::replay::Fault::bad_source_offset"
        bad_target_offset "codeit::replay::Fault::bad_target_offset"
        source_too_long "codeit::replay::Fault::source_too_long"
        target_too_long "codeit::replay::Fault::target_too_long"
        bad_slot "codeit::replay::Fault::bad_slot"
        bad_sequence "codeit::replay::Fault::bad_sequence"

    cdef cppclass Fault:
        FaultKind kind
        size_t index

    const size_t num_origins "codeit::replay::kNumOrigins"

    cdef cppclass Statistics:
        size_t size
        size_t num_bytes
        size_t num_slab_bytes
        size_t num_live_id_bytes
        double priority_sum
        double priority_min
        double priority_max
        size_t num_by_origin[256]  # kNumOrigins

    cdef cppclass CppPriorityBuffer "codeit::replay::PriorityBuffer":
        CppPriorityBuffer(size_t capacity) except +
        size_t size() noexcept
        size_t capacity() noexcept
        Fault upsert(const Experiences &, Stored *) except +
        vector[int64_t] draw(size_t, uint64_t) except +
        Fault columns(const int64_t *, size_t, Key *, double *, int32_t *, uint8_t *) noexcept
        Fault offsets(const int64_t *, size_t, int64_t *, int64_t *) noexcept
        void gather(const int64_t *, size_t, uint16_t *, uint16_t *) noexcept
        Statistics statistics() noexcept
        void count_priorities(const double *, size_t, int64_t *) noexcept
        void sequences(uint64_t *) noexcept
        Fault restore_sequences(const uint64_t *) noexcept

    size_t max_capacity "codeit::replay::PriorityBuffer::kMaxCapacity"
    uint64_t max_sequence "codeit::replay::PriorityBuffer::kMaxSequence"
    size_t max_length "codeit::replay::IdSlab::kMaxLength"


MAX_CAPACITY = max_capacity
MAX_LENGTH = max_length
MIN_PRIORITY = kMinWeight
MAX_PRIORITY = kMaxWeight

# The fates of an experience given to PriorityBuffer.upsert.
INSERTED = <int>Stored.inserted
UPDATED = <int>Stored.updated
REPLACED = <int>Stored.replaced
REFUSED = <int>Stored.refused


def make_keys(task_digests not None, programs not None):
    """The keys of experiences, one for each pair of a parent task and a normalised program.

    Args:
        task_digests: sequence of N str.
        programs: sequence of N str.
    Returns:
        uint64 [N, 2]
    Raises:
        ValueError: one of them is no text, or they are not as many.
    """
    _check_size("programs", len(programs), len(task_digests))
    keys = np.empty((len(task_digests), 2), np.uint64)
    cdef uint64_t[:, ::1] out = keys
    cdef Py_ssize_t k, task_size, program_size
    cdef const char *task
    cdef const char *program
    cdef Key key
    for k in range(out.shape[0]):
        digest, text = task_digests[k], programs[k]
        if not isinstance(digest, str):
            raise ValueError(f"task_digests[{k}] is {digest!r}; allowed: texts")
        if not isinstance(text, str):
            raise ValueError(f"programs[{k}] is {text!r}; allowed: texts")
        task = PyUnicode_AsUTF8AndSize(digest, &task_size)
        program = PyUnicode_AsUTF8AndSize(text, &program_size)
        key = make_key(string_view(task, task_size), string_view(program, program_size))
        memcpy(&out[k, 0], &key, sizeof(Key))
    return keys


cdef class PriorityBuffer:
    """Experiences under a key, bounded in number, drawn by priority.

    Not synchronised: whoever shares one between threads holds a lock, since bulk work runs without
    the interpreter's. A slot names its experience until the next eviction.

    Args:
        capacity: most experiences held; 1 to MAX_CAPACITY.
    """

    cdef unique_ptr[CppPriorityBuffer] buffer

    def __cinit__(self, capacity):
        self.buffer.reset(new CppPriorityBuffer(integer("capacity", capacity, 1, MAX_CAPACITY)))

    def __len__(self):
        return self.buffer.get().size()

    @property
    def capacity(self):
        return self.buffer.get().capacity()

    def upsert(
        self,
        const uint64_t[:, ::1] keys not None,
        const double[::1] priority not None,
        const int32_t[::1] iteration not None,
        const uint8_t[::1] origin not None,
        const uint16_t[::1] source_ids not None,
        const int64_t[::1] source_offsets not None,
        const uint16_t[::1] target_ids not None,
        const int64_t[::1] target_offsets not None,
    ):
        """Store N experiences in order; a known key overwrites all but its insertion sequence.

        Returns:
            uint8 [N]: INSERTED, UPDATED, REPLACED (another was evicted) or REFUSED.
        Raises:
            ValueError: a column is malformed; nothing was stored.
            MemoryError: some experiences were stored, and the buffer is intact.
        """
        cdef Py_ssize_t size = keys.shape[0]
        _check_keys(keys)
        _check_size("priority", priority.shape[0], size)
        _check_size("iteration", iteration.shape[0], size)
        _check_size("origin", origin.shape[0], size)
        _check_size("source_offsets", source_offsets.shape[0], size + 1)
        _check_size("target_offsets", target_offsets.shape[0], size + 1)
        # What is checked must be what is used, whoever writes to the arrays meanwhile. Any number
        # may be an id.
        cdef vector[uint64_t] own_keys
        cdef vector[double] own_priority
        cdef vector[int64_t] own_source_offsets, own_target_offsets
        own_keys.assign(&keys[0, 0], &keys[0, 0] + 2 * size)
        own_priority.assign(&priority[0], &priority[0] + size)
        own_source_offsets.assign(&source_offsets[0], &source_offsets[0] + size + 1)
        own_target_offsets.assign(&target_offsets[0], &target_offsets[0] + size + 1)
        cdef Experiences experiences
        experiences.size = size
        experiences.keys = <const Key *>own_keys.data()
        experiences.priority = own_priority.data()
        experiences.iteration = &iteration[0]
        experiences.origin = &origin[0]
        experiences.source.ids = &source_ids[0]
        experiences.source.num_ids = source_ids.shape[0]
        experiences.source.offsets = own_source_offsets.data()
        experiences.target.ids = &target_ids[0]
        experiences.target.num_ids = target_ids.shape[0]
        experiences.target.offsets = own_target_offsets.data()
        stored = np.empty(size, np.uint8)
        cdef uint8_t[::1] out = stored
        cdef Fault fault
        with nogil:
            fault = self.buffer.get().upsert(experiences, <Stored *>&out[0])
        if fault.kind == FaultKind.bad_priority:
            raise _priority_error(own_priority[fault.index], fault.index)
        if fault.kind == FaultKind.bad_source_offset:
            raise _offset_error("source", own_source_offsets, fault.index, source_ids.shape[0])
        if fault.kind == FaultKind.bad_target_offset:
            raise _offset_error("target", own_target_offsets, fault.index, target_ids.shape[0])
        if fault.kind == FaultKind.source_too_long:
            raise _length_error("source", own_source_offsets, fault.index)
        if fault.kind == FaultKind.target_too_long:
            raise _length_error("target", own_target_offsets, fault.index)
        return stored

    def draw(self, n, seed):
        """Draw slots at random without replacement, by csrc/replay/draw.h, which states the law.

        Args:
            n: how many; all when there are fewer.
            seed: 0 to 2**64 - 1; the same content and seed give the same experiences.
        Returns:
            int64 [n or fewer], ascending.
        """
        cdef size_t count = min(integer("n", n, 0), len(self))
        cdef uint64_t word = integer("seed", seed, 0, 2**64 - 1)
        cdef vector[int64_t] drawn
        with nogil:
            drawn = self.buffer.get().draw(count, word)
        slots = np.empty(drawn.size(), np.int64)
        cdef int64_t[::1] out = slots
        if drawn.size() > 0:
            memcpy(&out[0], drawn.data(), drawn.size() * sizeof(int64_t))
        return slots

    def columns(self, const int64_t[::1] slots not None):
        """The columns of N slots, without the ids.

        Returns:
            keys uint64 [N, 2], priority float64 [N], iteration int32 [N], origin uint8 [N]
        Raises:
            ValueError: a slot is out of range.
        """
        cdef Py_ssize_t size = slots.shape[0]
        keys = np.empty((size, 2), np.uint64)
        priority = np.empty(size, np.float64)
        iteration = np.empty(size, np.int32)
        origin = np.empty(size, np.uint8)
        cdef uint64_t[:, ::1] out_keys = keys
        cdef double[::1] out_priority = priority
        cdef int32_t[::1] out_iteration = iteration
        cdef uint8_t[::1] out_origin = origin
        cdef vector[int64_t] own_slots = _slots(slots)
        cdef Fault fault
        with nogil:
            fault = self.buffer.get().columns(
                own_slots.data(), size, <Key *>&out_keys[0, 0], &out_priority[0], &out_iteration[0],
                &out_origin[0],
            )
        if fault.kind == FaultKind.bad_slot:
            raise self._slot_error(own_slots[fault.index], fault.index)
        return keys, priority, iteration, origin

    def offsets(self, const int64_t[::1] slots not None):
        """Where the lists of N slots begin and end when laid end to end.

        Returns:
            source_offsets int64 [N + 1], target_offsets int64 [N + 1]
        Raises:
            ValueError: a slot is out of range.
        """
        return self._offsets(_slots(slots))

    cdef _offsets(self, const vector[int64_t] &slots):
        cdef size_t size = slots.size()
        source_offsets = np.empty(size + 1, np.int64)
        target_offsets = np.empty(size + 1, np.int64)
        cdef int64_t[::1] out_source_offsets = source_offsets
        cdef int64_t[::1] out_target_offsets = target_offsets
        cdef Fault fault
        with nogil:
            fault = self.buffer.get().offsets(
                slots.data(), size, &out_source_offsets[0], &out_target_offsets[0]
            )
        if fault.kind == FaultKind.bad_slot:
            raise self._slot_error(slots[fault.index], fault.index)
        return source_offsets, target_offsets

    def gather(self, const int64_t[::1] slots not None):
        """The ids of N slots, laid end to end.

        Returns:
            source_ids uint16, source_offsets int64 [N + 1], and the same two for the target
        Raises:
            ValueError: a slot is out of range.
        """
        cdef vector[int64_t] own_slots = _slots(slots)
        cdef size_t size = own_slots.size()
        source_offsets, target_offsets = self._offsets(own_slots)
        source_ids = np.empty(source_offsets[size], np.uint16)
        target_ids = np.empty(target_offsets[size], np.uint16)
        cdef uint16_t[::1] out_source = source_ids
        cdef uint16_t[::1] out_target = target_ids
        with nogil:
            self.buffer.get().gather(own_slots.data(), size, &out_source[0], &out_target[0])
        return source_ids, source_offsets, target_ids, target_offsets

    def statistics(self):
        """Size, bytes, sum, least and greatest priority as a dict; num_by_origin is int64 [256]."""
        cdef Statistics statistics
        with nogil:
            statistics = self.buffer.get().statistics()
        return {
            "size": statistics.size,
            "num_bytes": statistics.num_bytes,
            "num_slab_bytes": statistics.num_slab_bytes,
            "num_live_id_bytes": statistics.num_live_id_bytes,
            "priority_sum": statistics.priority_sum,
            "priority_min": statistics.priority_min,
            "priority_max": statistics.priority_max,
            "num_by_origin": np.array([n for n in statistics.num_by_origin], np.int64),
        }

    def count_priorities(self, const double[::1] bounds not None):
        """How many experiences of each origin have which priority.

        Returns:
            int64 [256, len(bounds) + 1]: in column k those whose priority is at or above just k of
            the bounds; of ascending ones, from bounds[k - 1] to below bounds[k].
        """
        cdef size_t size = bounds.shape[0]
        cdef vector[double] own_bounds
        own_bounds.assign(&bounds[0], &bounds[0] + size)
        counts = np.zeros((num_origins, size + 1), np.int64)
        cdef int64_t[:, ::1] out = counts
        with nogil:
            self.buffer.get().count_priorities(own_bounds.data(), size, &out[0, 0])
        return counts

    def sequences(self):
        """The place of each slot in the order of insertion, uint64 [len(self)].

        Of experiences worth the same, the one with the least is evicted first.
        """
        sequences = np.empty(len(self), np.uint64)
        cdef uint64_t[::1] out = sequences
        with nogil:
            self.buffer.get().sequences(&out[0])
        return sequences

    def restore_sequences(self, const uint64_t[::1] sequences not None):
        """Set what sequences() gave, in a buffer with the same experiences in the same slots.

        Raises:
            ValueError: there is not one for each experience, or it is beyond what there can be;
                nothing has changed.
        """
        _check_size("sequences", sequences.shape[0], len(self))
        cdef Fault fault = self.buffer.get().restore_sequences(&sequences[0])
        if fault.kind == FaultKind.bad_sequence:
            raise ValueError(f"sequences[{fault.index}] is {sequences[fault.index]}; "
                             f"allowed: 0 to {max_sequence}")

    def _slot_error(self, slot, index):
        return ValueError(f"slots[{index}] is {slot}; allowed: at least 0, below {len(self)}")


cdef vector[int64_t] _slots(const int64_t[::1] slots) except *:
    """A copy: what is checked must be what is used, whoever writes to the array meanwhile."""
    cdef vector[int64_t] own
    own.assign(&slots[0], &slots[0] + slots.shape[0])
    return own


def _check_size(name, size, expected):
    if size != expected:
        raise ValueError(f"{name} has {size} elements; expected {expected}")


def _check_keys(keys):
    if keys.shape[1] != 2:
        raise ValueError(f"keys has {keys.shape[1]} columns; expected 2")


def _priority_error(priority, index):
    return ValueError(
        f"priority[{index}] is {priority}; allowed: 0, or {MIN_PRIORITY} to {MAX_PRIORITY}"
    )


def _offset_error(name, offsets, index, num_ids):
    least = 0 if index == 0 else max(0, offsets[index - 1])
    return ValueError(
        f"{name}_offsets[{index}] is {offsets[index]}; allowed: {least} to {num_ids}"
    )


def _length_error(name, offsets, index):
    length = offsets[index + 1] - offsets[index]
    return ValueError(f"{name}[{index}] has {length} ids; allowed: 0 to {MAX_LENGTH}")
