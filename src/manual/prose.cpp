#include "prose.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace tangram::manual {

namespace {

Prose of_tangram() {
    return {
        .description =
            {"Tangram reads a trained network and its samples, computes the empirical neural tangent kernel J J^T and the part of it that each parameter tensor contributes, and writes all of it to one HDF5 file, with the checks that say why the numbers can be trusted. Other commands verify such a file, compare it with another program's kernel, and compute with it.",
             "It runs under mpirun or srun on any number of ranks, and a kernel has the same bits on any of them. An error is one line: what, where (file, dataset, shape), and what to do.",
             "Networks are lists of tensors of fully connected networks (safetensors, HDF5, Keras) or graphs (ONNX). Checkpoints of PyTorch become such files by the scripts to_safetensors.py and export.py in share/tangram/jobs."},
        .environment = {{"OMP_NUM_THREADS", "threads a rank, where --threads says nothing."}},
        .files =
            {{"share/tangram/jobs",
              "scripts: exporting networks, reading samples, drawing kernel files, Slurm jobs, worked examples."},
             {"share/doc/tangram", "the documentation."}},
        .examples = {
            {"A random network, samples for it, and its kernel:",
             "tangram init --widths 8,16,3 --output m.safetensors --samples 50 --data d.h5\n"
             "mpirun -n 2 tangram kernel --model m.safetensors --activation tanh --data d.h5:x --output k.h5"}}};
}

Prose of_kernel() {
    return {
        .description =
            {"The network is read from --model, its samples from --data. Of a list of tensors --activation says what lies between the layers; a graph (ONNX) says it itself. With --test the kernel is that of test samples against training samples; with --space params it is J^T J.",
             "Every run ends by checking the file that it wrote, as read back: components and total against explicit Jacobians of some samples, the whole kernel times a random vector, J against finite differences. A table says what was found. Where a check fails, the file is named OUT.h5.failed.",
             "SIGUSR1, SIGTERM and --max-seconds stop a run in order, with exit status 75. The same command with --resume goes on from there, on any number of ranks, also where a run was killed, and ends with the bits of an undisturbed run."},
        .files =
            {{"OUT.h5",
              "the kernel, its components, the checks. It gets this name when it is whole and its checks passed."},
             {"OUT.h5.partial", "being written, its space reserved."},
             {"OUT.h5.journal.G.R", "what rank R of the Gth run has safely on disk."},
             {"OUT.h5.failed", "whole, and a check failed."},
             {"OUT.h5.lock", "keeps a second job off the same output."}},
        .examples = {
            {"The kernel of a fully connected network, on 2 ranks:",
             "mpirun -n 2 tangram kernel --model model.safetensors --activation tanh --data X.npy --output ntk.h5"},
            {"Of a graph; no activation is named:",
             "mpirun -n 2 tangram kernel --model model.onnx --data X.npy --output graph.h5"},
            {"What it would take in memory, disk and time:",
             "tangram kernel --model model.onnx --data X.npy --output graph.h5 --overwrite --dry-run"},
            {"Test samples against training samples:",
             "mpirun -n 2 tangram kernel --model model.safetensors --activation tanh --data X.npy --test X_test.npy --output cross.h5"}}};
}

Prose of_verify() {
    return {
        .description =
            {"Each tile is held against its checksum, then searched for values that are no numbers, negative diagonals, entries unlike their mirror images, and a kernel that is not the sum of its components; attributes, outputs and tables are held against their checksum. The first fault is named by dataset, rows and columns."},
        .examples = {{"Is the file whole?", "mpirun -n 2 tangram verify ntk.h5"}}};
}

Prose of_check() {
    return {
        .description =
            {"The network and the samples are read from where the file says that they are, after comparing their SHA-256; --model, --data and --test say where they are now."},
        .examples = {
            {"With all samples, and another probe:", "mpirun -n 2 tangram check ntk.h5 --all --seed 3"}}};
}

Prose of_compare() {
    return {
        .description =
            {"The first and the last line are the verdict: equal, or what the difference is: a factor, a missing bias, a mean over outputs, a ridge, samples in another order, and more. The exit status is 0 where the kernels are equal, and 5 otherwise."},
        .examples = {{"Another program's kernel, as NumPy saved it:", "tangram compare ntk.h5 other.npy"}}};
}

Prose of_spectrum() {
    return {
        .description =
            {"Of a kernel file, all eigenvalues of what --of names are computed, and eigenvectors where --vectors or --top asks for them. With --model and --data no matrix is made: the largest eigenpairs, and estimates by random vectors, come from products J (J^T v)."},
        .files = {{"FILE.spectrum.h5", "the result, where --output names no other."},
                  {"S.h5.partial", "the checkpoint of a run without a matrix, for --resume."}},
        .examples = {
            {"All eigenvalues of the kernel, and the 10 largest eigenvectors:",
             "mpirun -n 2 tangram spectrum ntk.h5 --top 10"},
            {"The 3 largest eigenpairs of a kernel that is never made:",
             "mpirun -n 2 tangram spectrum --model model.onnx --data X.npy --top 3 --output top.h5"}}};
}

Prose of_regress() {
    return {
        .description =
            {"One table says what each ridge gives: errors, leave-one-out errors, GCV, likelihood, degrees of freedom; with --test also the errors of test samples. --times and --steps follow the training of the linearised network. With --model and --data no matrix is made, and one --ridge is solved by conjugate gradients."},
        .files = {{"R.h5", "predictions, scores, variances, checks."},
                  {"R.h5.failed", "the same, where a check failed."}},
        .examples = {
            {"Ridges from the noise to the largest eigenvalue, and test samples:",
             "mpirun -n 2 tangram regress ntk.h5 --targets Y.npy --test cross.h5 --test-targets Y_test.npy --output regression.h5"}}};
}

Prose of_drift() {
    return {
        .description =
            {"Of every two models: centred kernel alignment and kernel distance, of the total and each tensor; of each model: trace, change from the first model and from the one before, alignment with the targets, accuracy. With --model the kernels of all models are made side by side, tile by tile, checked, and not stored; a run stops and resumes as one of tangram-kernel(1) does. Kernel files of the same samples may be given instead, and are compared as they are.",
             "The models must be of one architecture: the same tensors, inputs and outputs. Of kernel files of different architectures the totals alone are compared."},
        .examples = {
            {"Three checkpoints of a training run:",
             "mpirun -n 2 tangram drift --model step-0.safetensors --model step-100.safetensors --model step-1000.safetensors --activation tanh --data X.npy --output drift.h5"},
            {"Kernels that are stored:",
             "mpirun -n 2 tangram drift step-0.h5 step-100.h5 step-1000.h5 --output stored.h5"}}};
}

Prose of_init() {
    return {
        .description =
            {"Weights and biases are N(0, 1) unless --std or --fan-in says otherwise. The same seed makes the same bytes everywhere."},
        .examples = {
            {"A network 784-100-10, and 1000 samples:",
             "tangram init --widths 784,100,10 --output random.safetensors --samples 1000 --data random.h5"}}};
}

Prose of_bench() {
    return {
        .description =
            {"Features, exchange, assembly and writing are timed in rounds on a random network and random samples; beside each stands what the machine gives when nothing is in the way."},
        .examples = {
            {"A small one:",
             "mpirun -n 2 tangram bench --samples 512 --widths 64,64,1 --repeat 1 --gemm-seconds 0.1"}}};
}

/// A command without a line here has a page without these words.
constexpr std::array<std::pair<std::string_view, Prose (*)()>, 10> pages{{{"", of_tangram},
                                                                          {"kernel", of_kernel},
                                                                          {"verify", of_verify},
                                                                          {"check", of_check},
                                                                          {"compare", of_compare},
                                                                          {"spectrum", of_spectrum},
                                                                          {"regress", of_regress},
                                                                          {"drift", of_drift},
                                                                          {"init", of_init},
                                                                          {"bench", of_bench}}};

}  // namespace

Prose prose_of(const std::string& command) {
    for (const auto& [name, prose] : pages) {
        if (name == command) return prose();
    }
    return {};
}

}  // namespace tangram::manual
