#include "tangram/life/resume.hpp"

#include "tangram/life/structure.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/hash.hpp"
#include "tangram/support/hdf5.hpp"
#include "tangram/support/threads.hpp"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace tangram {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(const std::string& path, const IdentityDifference& difference) {
    fail(
        ExitCode::usage,
        "cannot resume: the {} differs ({}: {} there, {} now): give what was given then, choose another --output, or start afresh with --overwrite",
        difference.field, path, difference.recorded, difference.present);
}

/// The difference to a finished output; nothing if it is the kernel that is wanted.
std::optional<IdentityDifference> difference_to_finished(const OutputPaths& paths, const Identity& identity) {
    std::optional<Identity> recorded;
    try {
        const h5::Handle file = h5::open_readonly(paths.finished);
        recorded = parse_identity(h5::read_text_attribute(h5::open_group(file, "/provenance"), "identity"));
    } catch (const Error&) {
        // No kernel file, or one that does not say: the same to the user.
    }
    if (!recorded) return IdentityDifference{"file", "no kernel that says what it was made of", "a kernel"};
    return first_difference(*recorded, identity);
}

bool opens_as(const std::string& path, const Shape& shape) {
    try {
        const TileFile file(path, shape, TileFile::Access::read_write);
        return true;
    } catch (const Error&) {
        return false;
    }
}

JournalContents read_journals(const std::vector<JournalFile>& journals) {
    JournalContents contents;
    for (const JournalFile& journal : journals) read_journal(read_what_there_is(journal.path), contents);
    return contents;
}

/// Keeps one record a tile, of those that this kernel can have.
void keep_plausible(const Shape& shape, std::vector<TileRecord>& records) {
    std::set<Index> seen;
    std::erase_if(records, [&](const TileRecord& record) {
        const Tile& tile = record.tile;
        const Axes& axes = shape.axes;
        const bool in_range = tile.row >= 0 && tile.row < axes.row.panels() && tile.column >= 0 &&
                              tile.column < axes.column.panels() && axes.computed(tile) == tile;
        return !in_range || record.checksums.size() != shape.planes_of(tile) ||
               !seen.insert(axes.index_of(tile)).second;
    });
}

/// Whether every plane of the tile is on disk as recorded.
template <class T>
bool is_on_disk(const TileFile& file, const Shape& shape, const TileRecord& record, T* memory) {
    auto expected = record.checksums.begin();
    try {
        for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
            if (checksum(file.read(m, record.tile, memory)) != *expected++) return false;
            if (shape.stores_mirror(record.tile) &&
                checksum(file.read(m, mirror_of(record.tile), memory)) != *expected++)
                return false;
        }
    } catch (const Error&) {
        return false;  // what cannot be read is computed again
    }
    return true;
}

/// Those of `records` that are on disk.
template <class T>
std::vector<TileRecord> read_back(const TileFile& file, const Shape& shape,
                                  const std::vector<TileRecord>& records, int threads) {
    std::vector<AlignedBuffer<T>> memory;
    for (int t = 0; t < threads; ++t) memory.emplace_back(std::max(shape.tile_entries(), page_aligned_from));
    std::vector<char> good(records.size(), 0);
    share_out(threads, std::size_t{0}, records.size(), [&](std::size_t k, int thread) {
        good[k] = is_on_disk(file, shape, records[k], memory[at(thread)].data()) ? 1 : 0;
    });
    std::vector<TileRecord> trusted;
    for (std::size_t k = 0; k < records.size(); ++k) {
        if (good[k] != 0) trusted.push_back(records[k]);
    }
    return trusted;
}

/// Collective. Root's records, dealt out to the ranks.
std::vector<TileRecord> deal_out(const mpi::Communicator& world, const Shape& shape,
                                 const std::vector<TileRecord>& records) {
    const std::size_t stride = 2 + 2 * shape.matrices.size();
    std::vector<std::uint64_t> flat;
    for (const TileRecord& record : records) {
        flat.push_back(static_cast<std::uint64_t>(record.tile.row));
        flat.push_back(static_cast<std::uint64_t>(record.tile.column));
        flat.insert(flat.end(), record.checksums.begin(), record.checksums.end());
        flat.resize((flat.size() + stride - 1) / stride * stride);
    }
    flat = mpi::broadcast(world, std::move(flat));
    std::vector<TileRecord> mine;
    for (std::size_t k = at(world.rank()); k < flat.size() / stride; k += at(world.size())) {
        const auto from = flat.begin() + static_cast<std::ptrdiff_t>(k * stride);
        const Tile tile{static_cast<Index>(from[0]), static_cast<Index>(from[1])};
        const std::size_t planes = shape.planes_of(tile);
        mine.push_back({tile, {from + 2, from + 2 + static_cast<std::ptrdiff_t>(planes)}});
    }
    return mine;
}

/// Collective. Which tiles any rank has.
TileSet union_of(const mpi::Communicator& world, const Shape& shape, const std::vector<TileRecord>& mine) {
    const auto tiles = at(shape.axes.tiles());
    std::vector<std::uint64_t> bits(tiles / 64 + 1, 0);
    for (const TileRecord& record : mine) {
        const std::size_t k = at(shape.axes.index_of(record.tile));
        bits[k / 64] |= std::uint64_t{1} << (k % 64);
    }
    mpi::bitwise_or(world, bits);
    TileSet done(tiles);
    for (std::size_t k = 0; k < tiles; ++k) done[k] = (bits[k / 64] >> (k % 64) & 1) != 0;
    return done;
}

/// Collective. Takes over the tiles that the journals name and the disk has.
TileSet take_over(const mpi::Communicator& world, const Shape& shape, const std::vector<TileRecord>& records,
                  int threads, TileWriter& writer, Log& log) {
    std::vector<TileRecord> mine = deal_out(world, shape, records);
    agree(world, [&] {
        mine = with_precision(shape.precision, [&](auto number) {
            return read_back<decltype(number)>(writer.file(), shape, mine, threads);
        });
        for (const TileRecord& record : mine) writer.adopt(record);
        writer.checkpoint();
    });
    TileSet done = union_of(world, shape, mine);
    const auto trusted = static_cast<std::size_t>(std::count(done.begin(), done.end(), true));
    if (shape.stored) log.info("resumed: {} of {} tiles are on disk", trusted, done.size());
    if (trusted < records.size() && world.is_root()) {
        log.warn("{} tiles are not on disk as the journal has them, and are computed again",
                 records.size() - trusted);
    }
    return done;
}

}  // namespace

OutputState inspect_output(const OutputPaths& paths, const Shape& shape, const Identity& identity,
                           const OutputRules& rules, Log& log) {
    OutputState state;
    const std::vector<JournalFile> journals = list_journals(paths);
    for (const JournalFile& journal : journals)
        state.generation = std::max(state.generation, journal.generation + 1);
    // Until this job had the lock, another may have finished.
    if (!rules.resume && !rules.overwrite) require_absent(paths);
    if (!rules.resume) return state;

    // A partial output of this kernel first: beside a finished one it is what --overwrite has begun.
    std::error_code ignored;
    const bool has_partial = fs::exists(paths.partial, ignored);
    JournalContents journal = has_partial ? read_journals(journals) : JournalContents{};
    const auto recorded =
        journal.identities.size() == 1 ? parse_identity(journal.identities.front()) : std::nullopt;
    const bool usable = recorded && (journal.structure || opens_as(paths.partial, shape));
    const auto difference = usable ? first_difference(*recorded, identity) : std::nullopt;
    if (usable && !difference) {
        keep_plausible(shape, journal.tiles);
        state.beginning = Beginning::resumed;
        state.journal = std::move(journal);
        return state;
    }
    if (fs::exists(paths.finished, ignored)) {
        const auto to_finished = difference_to_finished(paths, identity);
        if (!to_finished) {
            state.beginning = Beginning::finished;
            return state;
        }
        if (!rules.overwrite) refuse(paths.finished, *to_finished);
    }
    if (difference && !rules.overwrite) refuse(paths.partial, *difference);
    if (!has_partial) log.info("nothing to resume ({}): starting afresh", paths.partial);
    if (has_partial && !usable) log.warn("nothing usable to resume ({}): starting afresh", paths.partial);
    return state;
}

OpenedOutput open_output(const mpi::Communicator& world, const OutputPlan& plan, Log& log) {
    const OutputPaths& paths = plan.paths;
    const OutputState& state = plan.state;
    const bool resumed = mpi::broadcast(world, Index{state.beginning == Beginning::resumed ? 1 : 0}) != 0;
    const Index generation = mpi::broadcast(world, state.generation);
    if (resumed) {
        agree_on_root(world, [&] {
            if (state.journal.structure) restore_structure(paths.partial, *state.journal.structure);
            reserve_space(paths.partial, log);
        });
    } else {
        agree_on_root(world, [&] { remove_journals(paths, generation); });
        create_kernel_file(world, paths.partial, plan.shape, plan.hints, log);
    }
    std::optional<TileWriter> writer;
    agree(world, [&] {
        writer.emplace(paths.partial, plan.shape);
        Journal journal(paths.journal(generation, world.rank()));
        journal.add_identity(to_json(plan.identity));
        if (world.is_root()) {
            const FileStructure structure = state.journal.structure
                                                ? *state.journal.structure
                                                : read_structure(paths.partial, writer->file());
            journal.add_structure(structure);
            journal.add_structure(structure);  // a damaged line must not cost the run
        }
        journal.sync();
        writer->keep_journal(std::move(journal));
    });
    agree_on_root(world, [&] { open_file(paths.directory, O_RDONLY).sync(); });
    TileSet done;
    if (resumed) done = take_over(world, plan.shape, state.journal.tiles, plan.threads, *writer, log);
    agree_on_root(world, [&] { remove_journals(paths, generation); });
    return {std::move(*writer), std::move(done)};
}

}  // namespace tangram
