#include "file_format.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/idx.hpp"
#include "tangram/support/text.hpp"
#include "tangram/support/zip.hpp"

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

namespace tangram {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t start_bytes = 4096;

std::string first_bytes(const std::string& path) {
    std::string bytes(start_bytes, '\0');
    std::ifstream file(path, std::ios::binary);
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
}

/// A .npz holds arrays, a .pt a pickle; both are zip archives.
FileFormat recognise_archive(const std::string& path) {
    bool has_pickle = false;
    for (const ZipMember& member : read_zip(path)) {
        if (member.name.ends_with(".npy")) return FileFormat::npz;
        has_pickle |= member.name.ends_with("data.pkl");
    }
    return has_pickle ? FileFormat::torch : FileFormat::unknown;
}

bool looks_like_text(std::string_view bytes) {
    return !bytes.empty() && std::none_of(bytes.begin(), bytes.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 && c != '\n' && c != '\r' && c != '\t';
    });
}

/// Lines with numbers between separators.
bool looks_like_table(std::string_view bytes) {
    return looks_like_text(bytes) && bytes.find_first_of("0123456789") != std::string_view::npos &&
           bytes.find_first_of("\n,;\t ") != std::string_view::npos && !bytes.starts_with('{') &&
           !bytes.starts_with('<');
}

std::string_view first_line(std::string_view bytes) {
    return bytes.substr(0, bytes.find_first_of("\r\n"));
}

/// A Python literal.
std::string quoted(const std::string& text) {
    std::string literal = "\"";
    for (const char c : printable(text))
        literal += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
    return literal + '"';
}

/// The array that is made, in the working directory.
std::string array_file(const std::string& path) {
    return quoted(std::filesystem::path(path).stem().string() + ".npy");
}

/// numpy.loadtxt() of a table as it is: its separator, and whether a first line of names is left out.
std::string load_table(const std::string& path) {
    const std::string bytes = first_bytes(path);
    const std::string_view line = first_line(bytes);
    std::string arguments;
    for (const char separator : {',', ';', '\t'}) {
        if (line.find(separator) == std::string_view::npos) continue;
        arguments = separator == '\t' ? ", delimiter=\"\\t\"" : fmt::format(", delimiter=\"{}\"", separator);
        break;
    }
    const bool has_names = std::any_of(line.begin(), line.end(), [](char c) {
        return (c >= 'a' && c <= 'z' && c != 'e') || (c >= 'A' && c <= 'Z' && c != 'E');
    });
    if (has_names && !line.starts_with('#')) arguments += ", skiprows=1";
    return fmt::format("numpy.loadtxt({}{})", quoted(path), arguments);
}

/// How an array is made of it; "" for what is in no known format.
std::string way_to_array(const std::string& path, FileFormat format) {
    const std::string array = array_file(path), file = quoted(path);
    std::string script = fmt::format("jobs/to_npy.py {} --output {}", file, array);
    switch (format) {
        case FileFormat::table:
            return fmt::format(
                "{} (--labels COLUMN for a column of classes), or, where all are numbers, in Python: import numpy; numpy.save({}, {})",
                script, array, load_table(path));
        case FileFormat::torch:
            return fmt::format(
                "{}, or, where it is one tensor, in Python: import numpy, torch; numpy.save({}, torch.load({}).detach().numpy())",
                script, array, file);
        case FileFormat::pickle:
            return script;
        case FileFormat::gzip:
            return fmt::format("gunzip -k {}", file);
        case FileFormat::image:
            return fmt::format(
                "in Python: import numpy, PIL.Image; numpy.save({}, numpy.stack([numpy.asarray(PIL.Image.open(f)) for f in [{}]]))",
                array, file);
        case FileFormat::parquet:
            return fmt::format(
                "in Python: import numpy, pandas; numpy.save({}, pandas.read_parquet({}).to_numpy())", array,
                file);
        case FileFormat::matlab5:
            return fmt::format(
                "in Python: import numpy, scipy.io; numpy.save({}, scipy.io.loadmat({})[\"X\"])", array,
                file);
        default:
            return "";
    }
}

std::string_view name_of(FileFormat format) {
    switch (format) {
        case FileFormat::table:
            return "a table of text";
        case FileFormat::torch:
            return "what torch.save() wrote";
        case FileFormat::pickle:
            return "a pickle, which is never read";
        case FileFormat::gzip:
            return "compressed";
        case FileFormat::image:
            return "an image";
        case FileFormat::parquet:
            return "a Parquet file";
        case FileFormat::matlab5:
            return "a MATLAB file of before -v7.3";
        case FileFormat::safetensors:
            return "a safetensors file, which holds models here";
        default:
            return "in no format that is known here";
    }
}

}  // namespace

FileFormat recognise_start(const std::string& path) {
    const std::string start = first_bytes(path);
    if (start.starts_with("\x93NUMPY"sv)) return FileFormat::npy;
    if (H5Fis_hdf5(path.c_str()) > 0) return FileFormat::hdf5;
    if (start.starts_with("PK\3\4"sv) || start.starts_with("PK\5\6"sv)) return FileFormat::zip;
    // Before pickles: the eight bytes of a header's length may be theirs.
    if (start.size() > 8 && start[8] == '{') return FileFormat::safetensors;
    if (start.starts_with("\x89PNG"sv) || start.starts_with("\xff\xd8\xff"sv) || start.starts_with("GIF8"sv))
        return FileFormat::image;
    if (start.starts_with("PAR1"sv)) return FileFormat::parquet;
    if (start.starts_with("MATLAB 5.0"sv)) return FileFormat::matlab5;
    if (start.starts_with("\x80\x02"sv) || start.starts_with("\x80\x04"sv) || start.starts_with("\x80\x05"sv))
        return FileFormat::pickle;
    return start.starts_with("\x1f\x8b"sv) ? FileFormat::gzip : FileFormat::unknown;
}

FileFormat recognise_format(const std::string& path) {
    const FileFormat format = recognise_start(path);
    if (format == FileFormat::zip) return recognise_archive(path);
    const std::string start = first_bytes(path);
    const bool may_be_idx = format == FileFormat::gzip || start.starts_with("\0\0"sv);
    if (may_be_idx && open_idx(path)) return FileFormat::idx;
    if (format != FileFormat::unknown) return format;
    // A file of that name that does not begin as HDF5 does is a damaged one, and HDF5 says best how.
    const std::string ending = std::filesystem::path(path).extension().string();
    if (ending == ".h5" || ending == ".hdf5") return FileFormat::hdf5;
    return looks_like_table(start) ? FileFormat::table : FileFormat::unknown;
}

void refuse_format(const std::string& path, FileFormat format, const std::string& what) {
    const std::string way = way_to_array(path, format);
    if (!way.empty()) {
        fail(ExitCode::bad_input, "the file of the {} is {} ({}): make an array of it first: {}", what,
             name_of(format), path, way);
    }
    fail(
        ExitCode::bad_input,
        "the file of the {} is {} ({}): give HDF5, .npy, .npz or IDX; in Python, numpy.save({}, x) writes an array x",
        what, name_of(format), path, array_file(path));
}

}  // namespace tangram
