# cython: language_level=3, boundscheck=False, wraparound=False
"""Arrays in, arrays out: programs and grids as token ids, csrc/text."""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy
from libcpp cimport bool as cbool
from libcpp.memory cimport unique_ptr
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


cdef extern from "text/flat.h" namespace "codeit::text" nogil:
    cdef cppclass FlatTable:
        const char *name
        const char *dtype
        vector[size_t] shape
        const void *data
    vector[FlatTable] flat_tables(const Automaton &) except +


cdef extern from "<string_view>" namespace "std" nogil:
    cdef cppclass string_view:
        string_view(const char *, size_t)


cdef extern from "text/program_ids.h" namespace "codeit::text" nogil:
    cdef cppclass CProgramWriter "codeit::text::ProgramWriter":
        CProgramWriter(Spelling, cbool) except +
        cbool write(string_view, CIds *) except +


cdef extern from "text/prompt.h" namespace "codeit::text" nogil:
    struct GridView:
        const uint8_t *cells
        size_t height
        size_t width

    cdef cppclass CPromptWriter "codeit::text::PromptWriter":
        cbool set_pieces(const vector[CIds] &)
        @staticmethod
        cbool can_write(const GridView &)
        size_t write(const vector[GridView] &, size_t, uint16_t *)

    const size_t max_piece "codeit::text::PromptWriter::kMaxPiece"
    const size_t max_side "codeit::text::kMaxSide"


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


cdef Spelling _spelling(spelling):
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
    return native


cdef class ProgramAutomaton:
    """The tables of csrc/text/automaton.h for one tokenizer. Immutable."""

    cdef Automaton automaton

    def __init__(self, spelling not None, cbool is_typed):
        """`spelling`: see codeit.tokenizer.Spelling.

        Raises:
            ValueError: programs cannot be written so; the message says why.
        """
        cdef Spelling native = _spelling(spelling)
        cdef string error
        if not Automaton.compile(native, is_typed, &self.automaton, &error):
            raise ValueError(error.decode())

    @property
    def alphabet(self):
        """The ids of the tokens that programs have, uint16."""
        return np.array(self.automaton.tables().alphabet, dtype=np.uint16)

    def tables(self):
        """Copies of all tables by name, laid out as csrc/text/flat.h says."""
        arrays = {}
        for table in flat_tables(self.automaton):
            array = np.empty(table.shape, dtype=table.dtype.decode())
            memcpy(<void *><size_t>array.ctypes.data, table.data, array.nbytes)
            arrays[table.name.decode()] = array
        return arrays

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
        """bool [rows]: whether each row could take its id; one that could not fails. -1 is for a row
        that is left alone.
        """
        cdef const Automaton *automaton = &self.owner.automaton
        cdef const uint16_t *numbers = automaton.tables().numbers.data()
        taken = np.empty(ids.shape[0], dtype=np.bool_)
        cdef uint8_t[::1] out = taken.view(np.uint8)
        cdef Py_ssize_t k
        cdef int64_t token
        with nogil:
            for k in range(ids.shape[0]):
                token = ids[k]
                out[k] = False
                if token == -1:
                    continue
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


cdef class ProgramWriter:
    """Programs to ids by a tokenizer's spelling."""

    cdef unique_ptr[CProgramWriter] writer

    def __init__(self, spelling not None, cbool is_renumbered):
        """`is_renumbered`: the variable of line k is written as x_k."""
        self.writer.reset(new CProgramWriter(_spelling(spelling), is_renumbered))

    def write(self, str text not None):
        """uint16 ids, or None for a text that needs the tokenizer itself."""
        cdef Py_ssize_t size
        cdef const char *data = PyUnicode_AsUTF8AndSize(text, &size)
        cdef CIds ids
        ids.reserve(size)
        if not self.writer.get().write(string_view(data, size), &ids):
            return None
        return _array(ids.data(), ids.size())


cdef class PromptWriter:
    """Grids to ids by the pieces of their text."""

    cdef CPromptWriter writer

    def __init__(self, pieces not None):
        """`pieces`: ids of each, in the order of csrc/text/prompt.h.

        Raises:
            ValueError: a piece takes more ids than there is room for.
        """
        if not self.writer.set_pieces(_id_lists(pieces)):
            raise ValueError(f"a piece of a grid's text takes more than {max_piece} tokens")

    def write(self, const uint16_t[::1] opening, grids not None, size_t max_ids):
        """uint16 ids of an opening and of grids [H, W] of uint8, at most max_ids of them.

        None if a grid is not one of ARC: such a text needs the tokenizer itself.
        """
        cdef vector[GridView] views
        cdef GridView view
        cdef const uint8_t[:, ::1] cells
        cdef size_t num_cells = 0
        held = []
        for grid in grids:
            cells = np.ascontiguousarray(grid, dtype=np.uint8)
            held.append(cells)
            if cells.shape[0] == 0 or cells.shape[1] == 0:
                return None
            view = GridView(&cells[0, 0], cells.shape[0], cells.shape[1])
            if not CPromptWriter.can_write(view):
                return None
            num_cells += view.height * view.width
            views.push_back(view)
        cdef size_t num_opening = min(<size_t>opening.shape[0], max_ids)
        # Of each grid: every cell, nine colors, size, background and separator.
        cdef size_t bound = (num_cells + 12 * views.size()) * max_piece
        cdef CIds ids
        ids.resize(num_opening + min(bound, max_ids) + 3 * max_piece)
        cdef size_t k
        for k in range(num_opening):
            ids[k] = opening[k]
        cdef size_t size = num_opening + self.writer.write(
            views, max_ids - num_opening, ids.data() + num_opening
        )
        return _array(ids.data(), size)


cdef _array(const uint16_t *ids, size_t size):
    array = np.empty(size, dtype=np.uint16)
    cdef uint16_t[::1] out = array
    if size > 0:
        memcpy(&out[0], ids, size * sizeof(uint16_t))
    return array
