# cython: language_level=3, boundscheck=False, wraparound=False
"""Arrays in, arrays out: programs and grids as token ids, csrc/text."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy
from libcpp cimport bool as cbool
from libcpp.memory cimport unique_ptr
from libcpp.string cimport string
from libcpp.vector cimport vector

import numpy as np

from codeit._native.code cimport Code, code_span, uint16_span
from codeit._native.lang cimport Language, NativeLanguage
from codeit._native.vm cimport CompiledProgram

from codeit.ranges import MAX_IDS as _MAX_IDS
from codeit.ranges import integer


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
    string why_not(const Language &, const Spelling &) except +


cdef extern from "text/automaton.h" namespace "codeit::text" nogil:
    cdef cppclass Tables:
        size_t num_words
        CIds alphabet

    cdef cppclass Automaton:
        @staticmethod
        cbool compile(const Language &, const Spelling &, cbool, Automaton *, string *) except +
        const Tables &tables() noexcept
        unsigned min_tokens() noexcept


cdef extern from "text/rows.h" namespace "codeit::text" nogil:
    cdef enum FaultKind "codeit::text::Rows::Fault::Kind":
        no_fault "codeit::text::Rows::Fault::none"
        bad_row "codeit::text::Rows::Fault::bad_row"
        bad_max_tokens "codeit::text::Rows::Fault::bad_max_tokens"

    cdef cppclass RowsFault "codeit::text::Rows::Fault":
        FaultKind kind
        size_t index

    cdef cppclass Rows:
        void resize(const Automaton *, size_t) except +
        size_t size() noexcept
        RowsFault begin(const int64_t *, const uint16_t *, size_t) noexcept
        void advance(const int64_t *, uint8_t *) noexcept
        void masks(uint64_t *) noexcept
        void advance_forced(size_t, int64_t *, int64_t *) noexcept
        CIds forced(size_t) except +
        void conditions(uint8_t *) noexcept


cdef extern from "text/flat.h" namespace "codeit::text" nogil:
    cdef cppclass FlatTable:
        const char *name
        const char *dtype
        vector[size_t] shape
        const void *data
    cdef cppclass FlatTables:
        FlatTables(const Automaton &) except +
        vector[FlatTable] tables() except +


cdef extern from "text/program_ids.h" namespace "codeit::text" nogil:
    cdef cppclass CProgramWriter "codeit::text::ProgramWriter":
        CProgramWriter(const Language &, Spelling) except +
        cbool write(const Code &, CIds *) except +
        vector[Written] write_all(code_span) except +

    cdef cppclass Written "codeit::text::ProgramWriter::Written":
        cbool is_written
        CIds ids

    cdef cppclass CProgramReader "codeit::text::ProgramReader":
        CProgramReader(const Automaton &) except +
        vector[Code] read_rows(const int64_t *, size_t, size_t, int64_t) except +


cdef extern from "text/prompt.h" namespace "codeit::text" nogil:
    struct GridView:
        const uint8_t *cells
        size_t height
        size_t width

    cdef cppclass CPromptWriter "codeit::text::PromptWriter":
        cbool set_pieces(const vector[CIds] &) noexcept
        cbool write(uint16_span, const vector[GridView] &, size_t, CIds *) except +

    const Py_ssize_t max_side "codeit::kMaxGridSide"
    const size_t max_piece "codeit::text::PromptWriter::kMaxPiece"
    const size_t num_pieces "codeit::text::PromptWriter::kNumPieces"


MAX_ROWS = 1 << 20

cdef object ndarray = np.ndarray
cdef object uint8 = np.dtype(np.uint8)


cdef CIds _ids(str name, ids) except *:
    cdef CIds native
    for k, number in enumerate(ids):
        if type(number) is not int or not 0 <= number <= _MAX_IDS:
            number = integer(f"{name}[{k}]", number, 0, _MAX_IDS)
        native.push_back(number)
    return native


cdef vector[CIds] _id_lists(str name, lists) except *:
    cdef vector[CIds] native
    for k, ids in enumerate(lists):
        native.push_back(_ids(f"{name}[{k}]", ids))
    return native


cdef Spelling _spelling(spelling) except *:
    cdef Spelling native
    native.start = _ids("start", spelling.start)
    native.assign = _ids("assign", spelling.assign)
    native.open = _ids("open", spelling.open)
    native.separator = _ids("separator", spelling.separator)
    native.close = _ids("close", spelling.close)
    native.newline = _ids("newline", spelling.newline)
    native.end = _ids("end", spelling.end)
    native.output = _ids("output", spelling.output)
    native.names = _id_lists("names", spelling.names)
    native.functions = _id_lists("functions", spelling.functions)
    native.first_arguments = _id_lists("first_arguments", spelling.first_arguments)
    native.arguments = _id_lists("arguments", spelling.arguments)
    return native


cdef class ProgramAutomaton:
    """The tables of csrc/text/automaton.h for one tokenizer. Immutable."""

    cdef Automaton automaton

    def __cinit__(self, spelling not None, cbool is_typed, NativeLanguage language not None):
        """`spelling`: see codeit.policy.spelling.Spelling; `language`: that it spells.

        Raises:
            ValueError: programs cannot be written so; the message says why.
        """
        cdef Spelling native = _spelling(spelling)
        cdef string error
        cdef cbool is_compiled
        with nogil:
            is_compiled = Automaton.compile(
                language.native[0], native, is_typed, &self.automaton, &error
            )
        if not is_compiled:
            raise ValueError(error.decode())

    @property
    def alphabet(self):
        """The ids of the tokens that programs have, uint16."""
        return np.array(self.automaton.tables().alphabet, dtype=np.uint16)

    def tables(self):
        """Copies of all tables by name, laid out as csrc/text/flat.h says."""
        arrays = {}
        cdef unique_ptr[FlatTables] flat
        flat.reset(new FlatTables(self.automaton))
        for table in flat.get().tables():
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
    cdef Rows rows

    def __cinit__(self, ProgramAutomaton automaton not None, num_rows):
        self.owner = automaton
        self.rows.resize(&automaton.automaton, integer("num_rows", num_rows, 0, MAX_ROWS))

    def __len__(self):
        return self.rows.size()

    def begin(self, const int64_t[::1] rows not None, const uint16_t[::1] max_tokens not None):
        """Put some rows at the start of a program of at most so many ids each.

        Raises:
            ValueError: there is no such row, or no program is so short; no row has changed.
        """
        if max_tokens.shape[0] != rows.shape[0]:
            raise _shape_error("max_tokens", (max_tokens.shape[0],), (rows.shape[0],))
        # What is checked must be what is used, whoever writes to the arrays meanwhile.
        cdef vector[int64_t] own_rows
        cdef vector[uint16_t] own_max_tokens
        own_rows.assign(&rows[0], &rows[0] + rows.shape[0])
        own_max_tokens.assign(&max_tokens[0], &max_tokens[0] + rows.shape[0])
        cdef RowsFault fault
        with nogil:
            fault = self.rows.begin(own_rows.data(), own_max_tokens.data(), own_rows.size())
        if fault.kind == FaultKind.bad_row:
            raise ValueError(f"rows[{fault.index}] is {own_rows[fault.index]}; "
                             f"allowed: at least 0, below {len(self)}")
        if fault.kind == FaultKind.bad_max_tokens:
            raise ValueError(f"max_tokens[{fault.index}] is {own_max_tokens[fault.index]}; "
                             f"allowed: {self.owner.min_tokens} to {_MAX_IDS}")

    def advance(self, const int64_t[::1] ids not None):
        """bool [rows]: whether each row could take its id; one that could not fails. -1 is for a row
        that is left alone.
        """
        if <size_t>ids.shape[0] != self.rows.size():
            raise _shape_error("ids", (ids.shape[0],), (len(self),))
        taken = np.empty(ids.shape[0], dtype=np.bool_)
        cdef uint8_t[::1] out = taken.view(np.uint8)
        cdef vector[int64_t] own_ids
        own_ids.assign(&ids[0], &ids[0] + ids.shape[0])
        with nogil:
            self.rows.advance(own_ids.data(), &out[0])
        return taken

    def masks(self, uint64_t[:, ::1] out not None):
        """Write the words [rows, num_words] of what each row may take."""
        cdef size_t num_words = self.owner.automaton.tables().num_words
        if <size_t>out.shape[0] != self.rows.size() or <size_t>out.shape[1] != num_words:
            raise _shape_error("out", (out.shape[0], out.shape[1]), (len(self), num_words))
        with nogil:
            self.rows.masks(&out[0, 0])

    def advance_forced(self, int64_t[:, ::1] out not None, int64_t[::1] counts not None):
        """Each row's chain of forced ids, as far as a row of `out` holds it; the rows take them."""
        if <size_t>out.shape[0] != self.rows.size():
            raise _shape_error("out", (out.shape[0], out.shape[1]), (len(self), out.shape[1]))
        if <size_t>counts.shape[0] != self.rows.size():
            raise _shape_error("counts", (counts.shape[0],), (len(self),))
        with nogil:
            self.rows.advance_forced(out.shape[1], &out[0, 0], &counts[0])

    def forced(self, row):
        """The chain of forced ids that comes next; the row stays where it is."""
        return self.rows.forced(integer("row", row, 0, len(self) - 1))

    def conditions(self):
        """uint8 [rows]: 0 finished, 1 failed, 2 neither."""
        conditions = np.empty(len(self), dtype=np.uint8)
        cdef uint8_t[::1] out = conditions
        with nogil:
            self.rows.conditions(&out[0])
        return conditions


def _shape_error(name, shape, expected):
    return ValueError(f"{name} has the shape {shape}; expected {expected}")


cdef class ProgramWriter:
    """Programs to ids by a tokenizer's spelling."""

    cdef NativeLanguage language
    cdef unique_ptr[CProgramWriter] writer

    def __cinit__(self, spelling not None, NativeLanguage language not None):
        """`language`: that it spells.

        Raises:
            ValueError: programs cannot be written so; the message says why.
        """
        cdef Spelling native = _spelling(spelling)
        cdef string reason = why_not(language.native[0], native)
        if not reason.empty():
            raise ValueError(reason.decode())
        self.language = language  # which the writer reads
        self.writer.reset(new CProgramWriter(language.native[0], native))

    def write(self, CompiledProgram program not None):
        """The ids of a program, uint16; None if the tokenizer has to write its text, as it has that
        of one in another language."""
        cdef CIds ids
        if program.program.num_lines() == 0:
            raise TypeError("a program has no lines; use Program.parse")
        if (program.language is not self.language
                and program.language.native.digest() != self.language.native.digest()):
            return None
        cdef cbool is_written
        with nogil:
            is_written = self.writer.get().write(program.program.code(), &ids)
        return _array(ids.data(), ids.size()) if is_written else None

    def write_all(self, programs not None):
        """What `write` returns for each of many programs, which are written without the GIL."""
        cdef vector[const Code *] codes
        cdef CompiledProgram program
        held = tuple(programs)
        for item in held:
            if not isinstance(item, CompiledProgram):
                raise TypeError(f"a program is a {type(item).__name__}; use Program.parse")
            program = <CompiledProgram>item
            if program.program.num_lines() == 0:
                raise TypeError("a program has no lines; use Program.parse")
            is_own = program.language.native.digest() == self.language.native.digest()
            codes.push_back(&program.program.code() if is_own else NULL)
        cdef vector[Written] all
        with nogil:
            all = self.writer.get().write_all(code_span(codes.data(), codes.size()))
        cdef size_t k
        found = []
        for k in range(all.size()):
            found.append(_array(all[k].ids.data(), all[k].ids.size()) if all[k].is_written else None)
        return found


cdef class ProgramReader:
    """Ids to programs, as far as an automaton without types lets them through."""

    cdef ProgramAutomaton owner
    cdef unique_ptr[CProgramReader] reader

    def __cinit__(self, ProgramAutomaton automaton not None):
        self.owner = automaton
        self.reader.reset(new CProgramReader(automaton.automaton))

    def read_all(self, const int64_t[:, ::1] rows not None, end_id):
        """For each row of ids, up to the first end_id, the code of its program, or None where it is
        not spelled as the automaton has it. All are read without the GIL."""
        cdef int64_t end = integer("end_id", end_id, 0, _MAX_IDS)
        cdef size_t num_rows = rows.shape[0]
        cdef size_t num_ids = rows.shape[1]
        cdef vector[int64_t] own  # the array may change meanwhile
        cdef vector[Code] codes
        if num_rows == 0 or num_ids == 0:
            return [None] * num_rows
        own.assign(&rows[0, 0], &rows[0, 0] + num_rows * num_ids)
        with nogil:
            codes = self.reader.get().read_rows(own.data(), num_rows, num_ids, end)
        return [_bytes(codes[k]) if codes[k].words().size() > 0 else None for k in range(num_rows)]


cdef _bytes(const Code &code):
    cdef uint16_span words = code.words()
    return (<const char *>words.data())[:words.size() * sizeof(uint16_t)]


cdef class PromptWriter:
    """Grids to ids by the pieces of their text."""

    cdef CPromptWriter writer

    def __cinit__(self, pieces not None):
        """`pieces`: ids of each, in the order of csrc/text/prompt.h.

        Raises:
            ValueError: a piece takes more ids than there is room for, or there are not all.
        """
        cdef vector[CIds] native = _id_lists("pieces", pieces)
        if native.size() != num_pieces:
            raise ValueError(f"{native.size()} pieces of a grid's text; expected {num_pieces}")
        if not self.writer.set_pieces(native):
            raise ValueError(f"a piece of a grid's text takes more than {max_piece} tokens")

    def write(self, const uint16_t[::1] opening not None, grids not None, max_ids):
        """uint16 ids of an opening and of grids, at most max_ids of them.

        None unless each grid is an array of uint8 that is one of ARC.
        """
        cdef size_t most = min(integer("max_ids", max_ids, 0), 1 << 62)
        cdef vector[GridView] views
        cdef const uint8_t[:, ::1] cells
        cdef vector[uint8_t] own_cells  # which nobody else can change after they have been checked
        cdef size_t num_cells = 0
        for grid in grids:
            if type(grid) is not ndarray:
                return None
            dtype = grid.dtype
            if (dtype is not uint8 and dtype != uint8) or grid.ndim != 2:
                return None
            cells = np.ascontiguousarray(grid)
            if not (0 < cells.shape[0] <= max_side and 0 < cells.shape[1] <= max_side):
                return None
            views.push_back(GridView(NULL, cells.shape[0], cells.shape[1]))
            own_cells.resize(num_cells + cells.size)
            memcpy(own_cells.data() + num_cells, &cells[0, 0], cells.size)
            num_cells += cells.size
        cdef size_t k
        cdef const uint8_t *next_cells = own_cells.data()
        for k in range(views.size()):
            views[k].cells = next_cells
            next_cells += views[k].height * views[k].width
        cdef uint16_span start = uint16_span(&opening[0], opening.shape[0])
        cdef CIds ids
        cdef cbool is_written
        with nogil:
            is_written = self.writer.write(start, views, most, &ids)
        return _array(ids.data(), ids.size()) if is_written else None


cdef _array(const uint16_t *ids, size_t size):
    array = np.empty(size, dtype=np.uint16)
    cdef uint16_t[::1] out = array
    if size > 0:
        memcpy(&out[0], ids, size * sizeof(uint16_t))
    return array
