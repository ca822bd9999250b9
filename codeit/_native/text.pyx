# cython: language_level=3, boundscheck=False, wraparound=False
"""Arrays in, arrays out: programs and grids as token ids, csrc/text."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libcpp cimport bool as cbool
from libcpp.string cimport string
from libcpp.vector cimport vector

import numpy as np


cdef extern from "text/spelling.h" namespace "codeit::text" nogil:
    ctypedef vector[uint16_t] CIds "codeit::text::Ids"

    cdef cppclass Spelling:
        CIds start
        CIds assign
        CIds open
        CIds separator
        CIds close
        CIds newline
        CIds end
        CIds output
        vector[CIds] names
        vector[CIds] functions
        vector[CIds] first_arguments
        vector[CIds] arguments


cdef extern from "text/automaton.h" namespace "codeit::text" nogil:
    const uint16_t kNoToken
    const uint16_t kFinished
    const uint16_t kFailed

    cdef cppclass State:
        uint16_t node

    cdef cppclass Tables:
        unsigned num_words
        CIds alphabet
        vector[uint16_t] numbers

    cdef cppclass Automaton:
        @staticmethod
        cbool compile(const Spelling &, cbool, Automaton *, string *) except +
        const Tables &tables()
        unsigned min_tokens()
        void begin(State *, uint16_t)
        cbool advance(State *, uint16_t)
        void mask(const State &, uint64_t *)
        uint16_t forced(const State &)


cdef CIds _ids(ids):
    cdef CIds native
    for k in ids:
        native.push_back(k)
    return native


cdef vector[CIds] _id_lists(lists):
    cdef vector[CIds] native
    for ids in lists:
        native.push_back(_ids(ids))
    return native


cdef class ProgramAutomaton:
    """The tables of csrc/text/automaton.h for one tokenizer. Immutable."""

    cdef Automaton automaton

    def __init__(self, spelling not None, cbool is_typed):
        """`spelling`: see codeit.tokenizer.Spelling.

        Raises:
            ValueError: programs cannot be written so; the message says why.
        """
        cdef Spelling native
        native.start = _ids(spelling.start)
        native.assign = _ids(spelling.assign)
        native.open = _ids(spelling.open)
        native.separator = _ids(spelling.separator)
        native.close = _ids(spelling.close)
        native.newline = _ids(spelling.newline)
        native.end = _ids(spelling.end)
        native.output = _ids(spelling.output)
        native.names = _id_lists(spelling.names)
        native.functions = _id_lists(spelling.functions)
        native.first_arguments = _id_lists(spelling.first_arguments)
        native.arguments = _id_lists(spelling.arguments)
        cdef string error
        if not Automaton.compile(native, is_typed, &self.automaton, &error):
            raise ValueError(error.decode())

    @property
    def alphabet(self):
        """The ids of the tokens that programs have, uint16."""
        return np.array(self.automaton.tables().alphabet, dtype=np.uint16)

    @property
    def num_words(self):
        return self.automaton.tables().num_words

    @property
    def min_tokens(self):
        return self.automaton.min_tokens()


cdef class AutomatonRows:
    """The states of a number of rows. No two calls may run at a time."""

    cdef ProgramAutomaton owner
    cdef vector[State] states

    def __init__(self, ProgramAutomaton automaton not None, size_t num_rows):
        self.owner = automaton
        self.states.resize(num_rows)
        cdef size_t k
        for k in range(num_rows):
            self.states[k].node = kFinished

    def begin(self, const int64_t[::1] rows, const uint16_t[::1] max_tokens):
        cdef const Automaton *automaton = &self.owner.automaton
        cdef Py_ssize_t k
        with nogil:
            for k in range(rows.shape[0]):
                automaton.begin(&self.states[rows[k]], max_tokens[k])

    def advance(self, const int64_t[::1] ids):
        """bool [rows]: whether each row could take its id. A row that could not fails."""
        cdef const Automaton *automaton = &self.owner.automaton
        cdef const uint16_t *numbers = automaton.tables().numbers.data()
        taken = np.empty(ids.shape[0], dtype=np.bool_)
        cdef uint8_t[::1] out = taken.view(np.uint8)
        cdef Py_ssize_t k
        cdef int64_t token
        with nogil:
            for k in range(ids.shape[0]):
                token = ids[k]
                token = numbers[token] if 0 <= token < kNoToken else kNoToken
                out[k] = automaton.advance(&self.states[k], <uint16_t>token)
        return taken

    def masks(self, uint64_t[:, ::1] out):
        cdef const Automaton *automaton = &self.owner.automaton
        cdef Py_ssize_t k
        with nogil:
            for k in range(out.shape[0]):
                automaton.mask(self.states[k], &out[k, 0])

    def advance_forced(self, int64_t[:, ::1] out, int64_t[::1] counts):
        """Each row's chain of forced ids, as far as a row of `out` holds it; the rows take them."""
        cdef const Automaton *automaton = &self.owner.automaton
        cdef const uint16_t *alphabet = automaton.tables().alphabet.data()
        cdef Py_ssize_t k
        cdef int64_t count
        cdef uint16_t token
        with nogil:
            for k in range(out.shape[0]):
                count = 0
                while count < out.shape[1]:
                    token = automaton.forced(self.states[k])
                    if token == kNoToken:
                        break
                    automaton.advance(&self.states[k], token)
                    out[k, count] = alphabet[token]
                    count += 1
                counts[k] = count

    def forced(self, size_t row):
        """The chain of forced ids that comes next; the row stays where it is."""
        cdef const Automaton *automaton = &self.owner.automaton
        cdef State state = self.states[row]
        cdef uint16_t token = automaton.forced(state)
        ids = []
        while token != kNoToken:
            ids.append(automaton.tables().alphabet[token])
            automaton.advance(&state, token)
            token = automaton.forced(state)
        return ids

    def conditions(self):
        """uint8 [rows]: 0 finished, 1 failed, 2 neither."""
        conditions = np.empty(self.states.size(), dtype=np.uint8)
        cdef uint8_t[::1] out = conditions
        cdef size_t k
        for k in range(self.states.size()):
            out[k] = min(self.states[k].node, kFailed + 1)
        return conditions
