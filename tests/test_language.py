"""docs/language.md is true of the machine, and every citation of a section leads to one."""

import re
from pathlib import Path

import pytest
from oracle.machine import machine
from oracle.program import from_canonical
from oracle.sets import hash_of
from test_primitives import DIALECTS, ROW, parse, unordered

import codeit
from codeit.execution.executor import call_canonical
from codeit.language import CONSTANTS, PRIMITIVES

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "language.md").read_text()

NUMBERS = re.compile(r"^#{2,3} (\d+(?:\.\d+)?)\.? (.+)$", flags=re.MULTILINE)
SECTIONS = dict(NUMBERS.findall(PAGE))

CITATION = re.compile(
    r"language\.md,? ((?:\d+(?:\.\d+)?)(?:(?:, | and |, and | to )\d+(?:\.\d+)?)*)"
)


def section(number):
    """The text of a section, those below it included."""
    begin = re.search(rf"^#+ {re.escape(number)}\.? ", PAGE, flags=re.MULTILINE)
    level = PAGE[begin.start() :].split(" ")[0]
    end = re.compile(rf"^#{{2,{len(level)}}} ", flags=re.MULTILINE).search(PAGE, begin.end())
    return PAGE[begin.start() : end.start() if end else len(PAGE)]


def table(number):
    """The rows of a section's only table, their cells without blanks around them."""
    lines = [line for line in section(number).splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return rows[2:]


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


EXAMPLES = [line for block in blocks("rows") for line in block.splitlines()]


def test_the_sections_are_numbered_without_a_gap():
    numbers = [tuple(map(int, number.split("."))) for number in SECTIONS]
    assert len(numbers) == len(NUMBERS.findall(PAGE))
    heads = re.findall(r"^#{2,} .*", PAGE, flags=re.MULTILINE)
    assert len(heads) == len(numbers), "a heading without a number"
    expected, before = [], (0,)
    for number in numbers:
        is_chapter = len(number) == 1
        part = 1 if len(before) == 1 else before[1] + 1
        expected.append((before[0] + 1,) if is_chapter else (before[0], part))
        before = number
    assert numbers == expected


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_is_true(line):
    dialect, text, sign, expected = ROW.fullmatch(line).groups()
    name, *arguments = parse(text)["fn"]
    for one in (dialect,) if dialect else DIALECTS:
        result = call_canonical(name, arguments, dialect=one)
        if sign == "!":
            assert result.outcome.name == expected
        else:
            assert result.outcome.name == "ok"
            assert unordered(result.value_json()) == unordered(parse(expected))


def test_there_are_examples_in_every_group():
    for number in SECTIONS:
        if number.startswith("6."):
            assert "```rows" in section(number), number


@pytest.mark.parametrize("text", blocks("program"))
def test_a_program_of_the_page_is_one(text):
    program = codeit.Program.parse(text)
    assert codeit.run(program, [[0, 1], [0, 0]]).outcome.name == "ok"


def tables(number):
    """The rows of each table of a section."""
    found = re.findall(r"(?:^\|.*\n)+", section(number), flags=re.MULTILINE)
    return [
        [[c.strip() for c in line.strip("|").split(" | ")] for line in one.splitlines()][2:]
        for one in found
    ]


def test_the_rules_of_a_text_are_reported_as_the_page_says():
    rules, examples = tables("1.2")
    reasons = {number: reason for number, _, reason in rules}
    assert list(reasons) == [str(k) for k in range(1, 13)]
    assert codeit_error("O = hmirror(I)é").startswith(reasons["1"])
    broken = set()
    for text, verdict in examples:
        number = re.match(r"\d+|none", verdict)[0]
        error = codeit_error(text.strip("`").replace(" / ", "\n"))
        if number == "none":
            assert error is None, text
        else:
            assert error.startswith(reasons[number]), text
            broken.add(number)
    assert broken == reasons.keys() - {"1"}


def codeit_error(text):
    """Why a text is no program; None for one that is."""
    try:
        codeit.Program.parse(text)
    except codeit.ProgramError as error:
        return error.reason
    return None


def test_what_the_page_says_of_examples_that_run_is_so():
    for text, verdict in tables("1.2")[1]:
        said = re.search(r"; (?:it ends with )?`(.*)`", verdict)
        if said:
            result = codeit.run(codeit.Program.parse(text.strip("`").replace(" / ", "\n")), [[1]])
            shown = str(result.grid.tolist()) if result.outcome == 0 else result.outcome.name
            assert shown == said[1], text


def test_every_primitive_has_one_entry_in_the_section_of_its_group():
    groups = list(dict.fromkeys(primitive.group for primitive in PRIMITIVES.values()))
    for number, name in SECTIONS.items():
        if number.startswith("6."):
            entries = re.findall(r"^\*\*`(.*)`\*\* ", section(number), flags=re.MULTILINE)
            own = [p.signature for p in PRIMITIVES.values() if p.group == name]
            assert sorted(entries) == sorted(own), number
            groups.remove(name)
    assert groups == []


def test_the_constants_are_those_of_the_language():
    said = {}
    for type_name, names in table("1.5"):
        for name, value in re.findall(r"`(\w+)` (True|False|-?\d+|\([^)]*\))", names):
            said[name] = (type_name, value)
    assert said == {name: (c.type, str(c.value)) for name, c in CONSTANTS.items()}


def test_the_outcomes_are_those_of_the_machine():
    said = [(name.strip("`"), exception or None) for name, exception, _ in table("2.1")]
    assert said == [(outcome.name, outcome.exception) for outcome in codeit.Outcome]


def test_the_limits_are_those_of_the_machine():
    said = {name.strip("`"): (default, allowed) for name, default, allowed, _ in table("2.2")}
    limits = codeit.Limits()
    assert said["fuel"][0].startswith(f"{limits.fuel:,}; ")
    assert said["max_bytes"][0] == f"{limits.max_bytes >> 20} MiB"
    assert said["max_depth"][0] == str(limits.max_depth)
    assert (said["max_len"][0], limits.max_len) == ("none", None)
    units = {"KiB": 1 << 10, "GiB": 1 << 30, "": 1}
    for name, (_, allowed) in said.items():
        ends = re.fullmatch(r"([\d,]+) ?(\w*) to ([\d,^ -]+?) ?((?:[KG]iB)?)", allowed).groups()
        least, most = (
            eval(number.replace(",", "").replace("^", "**")) * units[unit]
            for number, unit in (ends[:2], ends[2:])
        )
        for good in (least, most):
            assert getattr(codeit.Limits(**{name: good}), name) == good
        for bad in (least - 1, most + 1):
            with pytest.raises(ValueError, match=name):
                codeit.Limits(**{name: bad})


def test_the_hashes_are_those_of_the_oracle():
    rows = table("4.1")
    assert len(rows) > 10
    machine.start("codeit", 10_000)
    for value, expected in rows:
        assert hash_of(from_canonical(parse(value.strip("`")))) == int(expected), value


EMPTY = ("{}", "()", "((),)")


@pytest.mark.parametrize("row", table("7"), ids=lambda row: row[3])
def test_empty_arguments_end_as_the_table_says(row):
    in_codeit = re.findall(r"`(\w+)`", section("7").partition("\n|")[0].partition("in `codeit`")[2])
    for name in re.findall(r"`(\w+)`", row[3]):
        for argument, expected in zip(EMPTY, row, strict=False):
            for dialect in DIALECTS:
                result = call_canonical(name, [parse(argument)], dialect=dialect)
                is_other = dialect == "codeit" and name in in_codeit and argument != "((),)"
                said = "value_error" if is_other else expected.strip("`")
                if result.outcome.name == "ok":
                    assert unordered(result.value_json()) == unordered(parse(said)), (name, dialect)
                else:
                    assert result.outcome.name == said, (name, argument, dialect)


def test_the_table_of_empty_arguments_has_no_primitive_twice():
    names = re.findall(r"`(\w+)`", "".join(row[3] for row in table("7")))
    assert len(names) == len(set(names)) > 50


# ---- Citations


def cited_in(text):
    """The numbers of all sections that a text cites."""
    for numbers in CITATION.findall(text):
        yield from re.findall(r"\d+(?:\.\d+)?", numbers)


SOURCES = sorted(
    path
    for folder in ("csrc", "codeit", "tests", "benchmarks")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".h", ".cc", ".def", ".py", ".pyx", ".txt") and path != Path(__file__)
)


def test_every_citation_is_of_a_section():
    cited = {path: list(cited_in(path.read_text())) for path in SOURCES}
    wrong = {
        str(path.relative_to(ROOT)): number
        for path, numbers in cited.items()
        for number in numbers
        if number not in SECTIONS
    }
    assert wrong == {}
    assert sum(map(len, cited.values())) > 40


def test_every_mention_of_the_page_in_the_code_names_a_section():
    for path in SOURCES:
        is_of_documents = path.name.startswith("test_doc")
        for line in path.read_text().splitlines():
            if "language.md" in line and not is_of_documents:
                assert CITATION.search(line), (path, line)


def test_nothing_cites_another_document():
    """Such as "SPEC 4.6" or "section 3" of a specification that is not in the tree."""
    old = re.compile(r"\bSPEC\b|\b[Ss]ection \d|§")
    found = {path.name: old.findall(path.read_text()) for path in SOURCES}
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_citations_are_found_in_every_form():
    text = (
        "(language.md 4.1 and 4.3), see docs/language.md, 5.4; language.md 6.1, 6.2 and 3.3 to 3.5"
    )
    assert list(cited_in(text)) == ["4.1", "4.3", "5.4", "6.1", "6.2", "3.3", "3.5"]
    assert list(cited_in("language.md 9.9")) == ["9.9"]
    assert "9.9" not in SECTIONS


def test_sections_that_the_page_names_are_there():
    named = re.findall(r"\((\d\.\d+)(?:, (\d\.\d+))?\)|\b(?:by|as in|in) (\d\.\d+)\b", PAGE)
    numbers = {number for numbers in named for number in numbers if number}
    assert len(numbers) > 10
    assert numbers <= SECTIONS.keys()
