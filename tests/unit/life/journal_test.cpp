// What a journal says must never be more than what was written to it, however it was torn or damaged.

#include "tangram/life/journal.hpp"

#include "mutate.hpp"
#include "tangram/life/identity.hpp"
#include "tangram/life/lifecycle.hpp"
#include "tangram/support/file_lock.hpp"
#include "temporary_file.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <map>

using namespace tangram;
using namespace tangram::test;

namespace {

const FileStructure structure{4711, {{0, std::string("\x89HDF\r\n\0\xff", 8)}, {4000, "end"}}};

std::vector<TileRecord> some_records() {
    std::vector<TileRecord> records;
    for (Index i = 0; i < 12; ++i) {
        const auto k = static_cast<std::uint64_t>(i);
        records.push_back({{i, i / 2}, {splitmix64(k), 0, ~std::uint64_t{0}, k}});
    }
    return records;
}

/// The bytes of a journal with all kinds of lines.
std::string some_journal() {
    const TemporaryFile file("journal");
    Journal journal(file.path());
    journal.add_identity(R"({"model":"sha256 0123","tile":"64"})");
    journal.add_structure(structure);
    for (const TileRecord& record : some_records()) journal.add_tile(record);
    journal.sync();
    return read_what_there_is(file.path());
}

JournalContents contents_of(std::string_view text) {
    JournalContents contents;
    read_journal(text, contents);
    return contents;
}

/// Whether every tile of `contents` is one of some_records(), checksum by checksum, and the rest is as written.
bool says_nothing_new(const JournalContents& contents) {
    std::map<std::pair<Index, Index>, std::vector<std::uint64_t>> written;
    for (const TileRecord& record : some_records())
        written[{record.tile.row, record.tile.column}] = record.checksums;
    for (const TileRecord& record : contents.tiles) {
        const auto found = written.find({record.tile.row, record.tile.column});
        if (found == written.end() || found->second != record.checksums) return false;
    }
    for (const std::string& identity : contents.identities) {
        if (identity != R"({"model":"sha256 0123","tile":"64"})") return false;
    }
    if (!contents.structure) return true;
    for (const FilePiece& piece : contents.structure->pieces) {
        const auto& expected = piece.offset == 0 ? structure.pieces[0] : structure.pieces[1];
        if (piece.offset != expected.offset || piece.bytes != expected.bytes) return false;
    }
    return contents.structure->file_bytes == structure.file_bytes;
}

}  // namespace

TEST_CASE("a journal gives back what was written to it") {
    const JournalContents contents = contents_of(some_journal());
    CHECK(contents.tiles.size() == some_records().size());
    CHECK(contents.identities.size() == 1);
    REQUIRE(contents.structure.has_value());
    CHECK(contents.structure->pieces.size() == 2);
    CHECK(says_nothing_new(contents));
}

TEST_CASE("a journal cut at any byte says what its whole lines say") {
    const std::string text = some_journal();
    std::size_t tiles = 0;
    for (std::size_t length = 0; length <= text.size(); ++length) {
        const JournalContents contents = contents_of(std::string_view(text).substr(0, length));
        CHECK(says_nothing_new(contents));
        CHECK(contents.tiles.size() >= tiles);
        tiles = contents.tiles.size();
    }
    CHECK(tiles == some_records().size());
}

TEST_CASE("a damaged journal says nothing that was not written, and loses the damaged lines only") {
    const std::string text = some_journal();
    Random random(1);
    std::size_t kept = 0;
    const std::size_t count = fuzz_mutations(20000);
    for (std::size_t k = 0; k < count; ++k) {
        const JournalContents contents = contents_of(mutate(text, random));
        if (!says_nothing_new(contents)) FAIL("mutation " << k << " says something new");
        kept += contents.tiles.size();
    }
    CHECK(kept > count * some_records().size() / 2);
}

TEST_CASE("journals belong together: tiles add up, a structure in one of them is enough") {
    JournalContents contents;
    read_journal(some_journal(), contents);
    read_journal(some_journal(), contents);
    CHECK(contents.identities.size() == 1);
    CHECK(contents.tiles.size() == 2 * some_records().size());
    read_journal("", contents);
    CHECK(contents.structure.has_value());
}

TEST_CASE("an identity survives its JSON, and the first field that differs is named with both values") {
    const Identity identity{{"model", "sha256 ab"}, {"rows", "0:10 \"quoted\""}, {"tile", "64"}};
    const auto parsed = parse_identity(to_json(identity));
    REQUIRE(parsed.has_value());
    CHECK(*parsed == identity);
    CHECK(!first_difference(*parsed, identity));
    Identity other = identity;
    other[2].second = "128";
    const auto difference = first_difference(identity, other);
    REQUIRE(difference.has_value());
    CHECK(difference->field == "tile");
    CHECK(difference->recorded == "64");
    CHECK(difference->present == "128");
    other.pop_back();
    CHECK(first_difference(identity, other)->present == "not recorded");
    CHECK(!parse_identity("{\"model\": 3}"));
    CHECK(!parse_identity("nonsense"));
}

TEST_CASE("tiles that are done are nobody's, and the others are shared as evenly as all were") {
    const Axes axes = Axes::square({4000, 64});
    const Index B = axes.row.panels();
    TileSet done(at(axes.tiles()), false);
    for (Index i = 0; i < B; ++i) {
        for (Index j = 0; j <= i; ++j)
            done[at(axes.index_of({i, j}))] = i < B / 2;  // as a run row by row leaves them
    }
    for (const int ranks : {1, 2, 3, 4, 5, 7, 12}) {
        std::map<Index, int> owners;
        Index busiest = 0;
        Index total = 0;
        for (int rank = 0; rank < ranks; ++rank) {
            Index work = 0;
            for (const Tile& tile : distribute(axes, ranks, rank, done).tiles) {
                owners[axes.index_of(tile)] += 1;
                work += axes.work(tile);
            }
            busiest = std::max(busiest, work);
            total += work;
        }
        CHECK(owners.size() == static_cast<std::size_t>(std::count(done.begin(), done.end(), false)));
        for (const auto& [tile, times] : owners) CHECK((times == 1 && !done[at(tile)]));
        CHECK(static_cast<double>(busiest) * ranks <= 1.1 * static_cast<double>(total));
    }
}

TEST_CASE("a lock keeps others off until those who share it are gone, and names its holder") {
    const TemporaryFile file("lock");
    CHECK(!lock_holder(file.path()));
    {
        const FileLock first = FileLock::take(file.path(), "host a, process 1", 0);
        REQUIRE(first.is_held());
        const FileLock second = FileLock::join(file.path());
        CHECK(says(error_of(ExitCode::usage, [&] { FileLock::take(file.path(), "host b", 0); }),
                   "host a, process 1"));
        CHECK(lock_holder(file.path()).value_or("") == "host a, process 1");
    }
    CHECK(!lock_holder(file.path()));
    const FileLock third = FileLock::take(file.path(), "host c", 0);
    third.remove();
    CHECK(!std::filesystem::exists(file.path()));
    CHECK(FileLock::take(file.path(), "host d", 0).is_held());
}

TEST_CASE("journals are listed by their generation, and strangers are left alone") {
    const TemporaryFile folder("folder");
    std::filesystem::create_directory(folder.path());
    const OutputPaths paths(folder.path() + "/out.h5");
    for (const Index generation : {0, 3, 12}) Journal(paths.journal(generation, 1)).add_identity("{}");
    for (const char* stranger : {"/out.h5.journal.x.1", "/out.h5.journal.", "/out.h5.journal.4",
                                 "/out.h5.journal.0.h5", "/out.h5.journal.-1.0", "/other.h5.journal.0.0"})
        Journal(folder.path() + stranger).sync();
    CHECK(list_journals(paths).size() == 3);
    remove_journals(paths, 12);
    REQUIRE(list_journals(paths).size() == 1);
    CHECK(list_journals(paths).front().generation == 12);
    CHECK(std::filesystem::exists(folder.path() + "/out.h5.journal.x.1"));
}
