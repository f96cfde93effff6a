"""Bad input: options."""

from bad_input_table import BAD_INPUT, DIGITS, FLAG, MODEL, NO_RESOURCES, USAGE, case, case_of_ranks


# ---- options

case_of_ranks("an unknown option suggests the nearest", USAGE, "--activaton", "--activation")(lambda f: {"--activaton": "tanh"})
case("an unknown activation lists those there are", USAGE, "tahn", "tanh", "softplus")(lambda f: {"--activation": "tahn"})
case("a parameter that is no number", USAGE, "leaky_relu", "'x'")(lambda f: {"--activation": "leaky_relu:x"})
case_of_ranks("three activations for two hidden layers", USAGE, "3 activations", "2 hidden layers", "--output-activation")(
    lambda f: {"--activation": "tanh,tanh,relu"})
case("no activation for hidden layers", USAGE, "--activation")(lambda f: {"--activation": None})
case("an unknown reduction", USAGE, "median")(lambda f: {"--reduction": "median"})
case("an unknown parameterization", USAGE, "mup")(lambda f: {"--parameterization": "mup"})
case("a std without the ntk parameterization", USAGE, "std")(lambda f: {"--weight-std": "1.5"})
case("ntk with biases but no bias std", USAGE, "--bias-std")(lambda f: {"--parameterization": "ntk"})
case("stds for the wrong number of layers", USAGE, "--weight-std")(
    lambda f: {"--parameterization": "ntk", "--bias-std": "0.1", "--weight-std": "1,1"})
case("scales for the wrong number of layers", USAGE, "--output-scale")(lambda f: {"--output-scale": "1,2"})
case("rows backwards", USAGE, "--rows")(lambda f: {"--rows": "9:3"})
case("rows that are no range", USAGE, "--rows")(lambda f: {"--rows": "3-9"})
case_of_ranks("rows beyond the data", BAD_INPUT, "1797")(lambda f: {"--rows": "0:5000"})
case_of_ranks("a logit that the network does not have", USAGE, "10")(lambda f: {"--logit": "10"})
case("a logit and a reduction", USAGE, "--logit")(lambda f: {"--logit": "1", "--reduction": "sum"})
case("a tile of no samples", USAGE, "--tile", "from 1")(lambda f: {"--tile": "0"})
case("a negative tile", USAGE, "--tile is -4", "from 1")(lambda f: {"--tile": "-4"})
case("a tile that is no number", USAGE, "--tile = four", "--help")(lambda f: {"--tile": "four"})
case("a tile that is no whole number", USAGE, "--tile", "4.5")(lambda f: {"--tile": "4.5"})
case("a tile beyond 64 bits", USAGE, "--tile", "from 1 to 16384")(lambda f: {"--tile": "99999999999999999999"})
case("a negative logit", USAGE, "--logit is -1", "from 0")(lambda f: {"--logit": "-1"})
case("a logit beyond 64 bits", USAGE, "--logit", "from 0")(lambda f: {"--logit": "99999999999999999999"})
case_of_ranks("no threads", USAGE, "--threads is 0", "from 1")(lambda f: {"--threads": "0"})
case("threads beyond 64 bits", USAGE, "--threads", "from 1 to 4096")(
    lambda f: {"--threads": "99999999999999999999"})
case("a negative number of check samples", USAGE, "--check-samples is -1")(lambda f: {"--check-samples": "-1"})
case("rows beyond 64 bits", USAGE, "--rows", "0:99999999999999999999")(lambda f: {"--rows": "0:99999999999999999999"})
case("negative rows", USAGE, "--rows", "-5:3")(lambda f: {"--rows=-5:3": FLAG, "--rows": None})
case("rows from beyond the data", BAD_INPUT, "1797", f"{DIGITS}:x", "(1797, 64)")(lambda f: {"--rows": "1797:"})
case("rows and indices", USAGE, "--rows", "--indices")(lambda f: {"--indices": f"{DIGITS}:y"})
case("a data scale of nan", USAGE, "--data-scale", "finite")(lambda f: {"--data-scale": "nan"})
case("a data shift of infinity", USAGE, "--data-shift", "finite")(lambda f: {"--data-shift": "inf"})
case("a data scale beyond float64", USAGE, "--data-scale")(lambda f: {"--data-scale": "1e999"})
case("a data scale that is no number", USAGE, "--data-scale", "half")(lambda f: {"--data-scale": "half"})
case("a weight scale of nan", USAGE, "--weight-scale", "finite")(lambda f: {"--weight-scale": "1,nan,1,1"})
case("an output scale of infinity", USAGE, "--output-scale", "finite")(lambda f: {"--output-scale": "1,inf,1,1"})
case("a bias std of nan", USAGE, "--bias-std", "finite")(
    lambda f: {"--parameterization": "ntk", "--bias-std": "nan"})
case("a std and a scale", USAGE, "--weight-std", "--weight-scale")(
    lambda f: {"--parameterization": "ntk", "--bias-std": "1", "--weight-std": "1", "--weight-scale": "1,1,1,1"})
case("a tolerance of nan", USAGE, "--check-tolerance", "finite")(lambda f: {"--check-tolerance": "nan"})
case("a memory of nan", USAGE, "--memory", "finite")(lambda f: {"--memory": "nan"})
case("a negative memory", USAGE, "--memory is -1")(lambda f: {"--memory": "-1"})
case("an option given twice", USAGE, "--tile", "twice")(lambda f: {"--tile": "4", "--tile=5": FLAG})
case("a flag given twice", USAGE, "--overwrite", "twice")(lambda f: {"--overwrite": FLAG, "--overwrite=true": FLAG})
case("an option without its value", USAGE, "--tile")(lambda f: {"--tile": FLAG})
case("a word that belongs to no option", USAGE, "extra.h5", "--help")(lambda f: {"extra.h5": FLAG})
case("no data", USAGE, "--data")(lambda f: {"--data": None})
case("no output", USAGE, "--output")(lambda f: {"--output": None})
case("an unknown precision", USAGE, "float16", "float32")(lambda f: {"--precision": "float16"})
case("an unknown choice of components", USAGE, "some", "all, none")(lambda f: {"--components": "some"})
case("an unknown choice of conjugate kernels", USAGE, "first", "last")(lambda f: {"--conjugate-kernels": "first"})
case("five activations for two hidden layers", USAGE, "5 activations", "2 hidden layers")(
    lambda f: {"--activation": "tanh,tanh,relu,tanh,tanh"})
case("a configuration file that is not there", USAGE, "absent.toml")(lambda f: {"--config": f / "absent.toml"})


def configuration(text):
    def make(folder):
        (folder / "job.toml").write_text(text)
        return {"--config": folder / "job.toml"}

    return make


case("a configuration file with a wrong type", USAGE, "tile", "four")(configuration('tile = "four"\n'))
case_of_ranks("a configuration file with an unknown key", USAGE, "reducton", "--reduction")(configuration('reducton = "sum"\n'))
case("a configuration file with a key twice", USAGE, "tile")(configuration("tile = 4\ntile = 5\n"))
case("a configuration file with a section", USAGE, "[kernel]", "job.toml", "leave that line out")(configuration('[kernel]\ntile = 4\n'))
case("a configuration file of bytes", USAGE, "no text", "job.toml")(configuration("".join(map(chr, range(1, 128)))))
case("a folder as configuration file", USAGE, "no folder")(lambda f: {"--config": f})
case("a configuration file that is no TOML", USAGE, "job.toml")(configuration("\x00\x01[[[=\n"))
case("a list with an empty entry", USAGE, "--activation")(lambda f: {"--activation": "tanh,,tanh"})
case("a tolerance of zero", USAGE, "--check-tolerance")(lambda f: {"--check-tolerance": "0"})
case_of_ranks("a tile that HDF5 cannot hold in one chunk", USAGE, "--tile")(
    lambda f: {"--rows": None, "--reduction": "full", "--tile": "1700"})


# ---- what the machine gives

case_of_ranks("too little memory", NO_RESOURCES, "memory", "GiB", "--memory")(lambda f: {"--memory": "0.001"})
case("data without a dataset lists those there are", BAD_INPUT, "DATASET", "x", "y")(lambda f: {"--data": DIGITS})
case("no model", USAGE, "--model")(lambda f: {"--model": None})
case("an unknown layer in the order", USAGE, "7")(lambda f: {"--layers": "0,2,7"})
