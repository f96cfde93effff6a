#pragma once
// The HDF5 C API behind one RAII handle and the few calls that tangram makes of it. An error is thrown as
// Error(io) or Error(bad_input) with the innermost message of HDF5's stack; HDF5 itself prints nothing.

#include "tangram/support/matrix.hpp"

#include <hdf5.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tangram::h5 {

/// Owns one HDF5 identifier of any kind. A handle of a file opened under MPI is not closed while an exception
/// is in flight: closing is collective, and the other ranks may not be there. Others always are: the library crashes at
/// its end over a virtual dataset that is left open.
class Handle {
public:
    using Close = herr_t (*)(hid_t);
    Handle() = default;
    Handle(hid_t id, Close close_function);
    ~Handle();
    Handle(Handle&& other) noexcept;
    Handle& operator=(Handle&& other) noexcept;

    [[nodiscard]] hid_t get() const { return id_; }
    [[nodiscard]] bool valid() const { return id_ >= 0; }
    /// Closes now; throws Error(io) if HDF5 reports a failure, which a destructor could not.
    void close(std::string_view what);

private:
    hid_t id_ = -1;
    Close close_ = nullptr;
    int exceptions_ = 0;
};

/// Silences HDF5's own error printing and its work at exit. Call once, before any other HDF5 call.
void initialize();

/// The innermost message on HDF5's error stack ("" when there is none).
std::string last_error();
std::string library_version();
/// Throws Error(io) if an HDF5 call returned `status` < 0; `doing` says what it was to do.
void require(herr_t status, std::string_view doing);

// ---- files, each by one rank with the serial driver; support/parallel_hdf5.hpp opens them under MPI
Handle open_readonly(const std::string& path);
Handle open_readwrite(const std::string& path);
/// The same, where large pieces begin on pages, as in files that create_parallel() made.
Handle open_for_tiles(const std::string& path);
/// Creates (or truncates) a file on one rank.
Handle create_serial(const std::string& path);

// ---- structure
bool exists(const Handle& location, const std::string& path);
Handle open_dataset(const Handle& location, const std::string& path);
Handle open_group(const Handle& location, const std::string& path);
/// Removes the link, where it is there.
void remove(const Handle& location, const std::string& path);
/// Link creation properties by which a path's missing groups are made with it.
Handle links_with_groups();
/// Creates the group and those above it that are missing; opens it where it is there already.
Handle create_group(const Handle& location, const std::string& path);
std::vector<Index> shape(const Handle& dataset);
/// Paths, relative to `location`, of every dataset below it, sorted.
std::vector<std::string> list_datasets(const Handle& location);

/// Paths, relative to `location`, of every group and dataset below it, sorted; "." is `location` itself.
std::vector<std::string> list_objects(const Handle& location);
/// Opens a group or a dataset.
Handle open_item(const Handle& location, const std::string& path);
/// Whether each value is a string of variable length.
bool is_text(const Handle& dataset);
/// Rows and columns of the chunks of a 2-D dataset; {0, 0} where it has none.
std::vector<Index> chunk_shape(const Handle& dataset);

enum class ElementClass { integer, real, other };
ElementClass element_class(const Handle& dataset);
/// Whether elements are stored in float16: a sign, 5 bits of exponent, 10 of fraction.
bool is_half(const Handle& dataset);
/// Bytes of one stored element.
Index element_bytes(const Handle& dataset);
/// Where in the file the values of a contiguous dataset begin, or those of the chunk that holds entry
/// (row, col). Throws Error(io) where no space has been allocated.
Index data_offset(const Handle& dataset);
Index chunk_offset(const Handle& dataset, Index row, Index col);

// ---- reading: HDF5 converts to the type asked for
/// The whole dataset, row-major.
std::vector<double> read_doubles(const Handle& dataset);
std::vector<std::int64_t> read_integers(const Handle& dataset);
std::vector<std::uint64_t> read_unsigned(const Handle& dataset);
/// Rows [first, first + rows of out) of a dataset of two or more dimensions, the trailing ones flattened,
/// into `out` (contiguous). In calls of at most 1 GiB.
void read_rows(const Handle& dataset, Index first, MatrixView<double> out);

// ---- writing
/// Creates a dataset in `chunk`s (empty: contiguous), allocated at once and never filled, with the groups
/// above it.
Handle create_dataset(const Handle& location, const std::string& path, hid_t type,
                      std::span<const Index> dims, std::span<const Index> chunk = {});
/// The same, but that a chunk takes room only once it has a place; what has none reads as zero.
Handle create_sparse_dataset(const Handle& location, const std::string& path, hid_t type,
                             std::span<const Index> dims, std::span<const Index> chunk);
/// Gives the chunk that begins at entry (row, col) of such a dataset a place in the file, writing one entry and no more. One process.
void give_place_to_chunk(const Handle& dataset, Index row, Index col);
/// Writes `block` at entry (row, col) of a 2-D dataset, independently of the other ranks; at most 1 GiB in
/// one call.
void write_block(const Handle& dataset, Index row, Index col, ConstMatrixView<float> block);
void write_block(const Handle& dataset, Index row, Index col, ConstMatrixView<double> block);
/// Creates a dataset of shape `dims` and writes it whole (one rank).
void write_dataset(const Handle& location, const std::string& path, std::span<const double> values,
                   std::span<const Index> dims);
void write_dataset(const Handle& location, const std::string& path, std::span<const std::int64_t> values,
                   std::span<const Index> dims);
void write_dataset(const Handle& location, const std::string& path, std::span<const std::uint64_t> values,
                   std::span<const Index> dims);
void write_dataset(const Handle& location, const std::string& path, std::span<const std::string> values);

// ---- named dimensions, which netCDF-4 readers know: HDF5's dimension scales
/// Makes a 1-D dataset the scale of the dimension `name`.
void make_scale(const Handle& dataset, const std::string& name);
/// Names axis `axis` of `dataset`: its k-th entry along it belongs to the k-th of `scale`.
void attach_scale(const Handle& dataset, Index axis, const Handle& scale);
/// Forgets the scales of all axes.
void detach_scales(const Handle& dataset);

// ---- attributes: strings are variable-length UTF-8, integers int64, reals float64; an existing one is
// replaced
void write_attribute(const Handle& object, const std::string& name, const std::string& value);
void write_attribute(const Handle& object, const std::string& name, Index value);
void write_attribute(const Handle& object, const std::string& name, std::uint64_t value);
void write_attribute(const Handle& object, const std::string& name, double value);
void write_attribute(const Handle& object, const std::string& name, std::span<const std::string> values);
void write_attribute(const Handle& object, const std::string& name, std::span<const std::int64_t> values);

/// Sorted.
std::vector<std::string> attribute_names(const Handle& object);
bool has_attribute(const Handle& object, const std::string& name);
/// Of one text or more.
bool has_text_attribute(const Handle& object, const std::string& name);
/// The one value of an attribute. Throws Error(io) if it is not there or of another kind.
std::string read_text_attribute(const Handle& object, const std::string& name);
/// All values of an attribute of texts, of fixed or variable length.
std::vector<std::string> read_texts_attribute(const Handle& object, const std::string& name);
Index read_integer_attribute(const Handle& object, const std::string& name);
std::uint64_t read_unsigned_attribute(const Handle& object, const std::string& name);
double read_real_attribute(const Handle& object, const std::string& name);

}  // namespace tangram::h5
