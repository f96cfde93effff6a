"""From a model in PyTorch to an ONNX file whose parameters keep their names, for export.py.

loading.py   the model, its checkpoint and its samples, by their names on the command line
exporter.py  the model as the bytes of an ONNX file, by what exporter this PyTorch has
checks.py    what a kernel needs of the model and of the file
protobuf.py  what has to be known of the file's bytes, without the package onnx
"""
