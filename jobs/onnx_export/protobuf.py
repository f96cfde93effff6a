"""An ONNX file's bytes: the nodes and initializers in it, and an entry added to its metadata.

A message of protobuf is a row of fields: a varint, 8 * number + wire type; then the value, for wire type 0 a varint, for 1 and
5 eight and four bytes, for 2 a length and as many bytes. Repeated fields may stand anywhere: one that is appended to the bytes
belongs to the message.
"""

from dataclasses import dataclass

GRAPH, METADATA = 7, 14  # of a ModelProto
NODE, INITIALIZER, OUTPUT = 1, 5, 12  # of a GraphProto


@dataclass
class Node:
    op_type: str
    inputs: list
    outputs: list
    integers: dict  # the attributes that are one integer


@dataclass
class Graph:
    nodes: list
    initializers: dict  # {name: its bytes, or None where they lie elsewhere}
    outputs: list


def varint(data, at):
    """(value, where it ends)"""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """(number, value) of each: an integer, or the bytes."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = varint(data, at)
        else:
            size, at = varint(data, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
            value, at = data[at:at + size], at + size
        yield tag >> 3, value


def texts(message, number):
    return [bytes(value).decode() for found, value in fields(message) if found == number]


def read_node(message):
    integers = {}
    for attribute in (value for number, value in fields(message) if number == 5):
        of = dict(fields(attribute))
        if 3 in of:
            integers[bytes(of[1]).decode()] = of[3]
    return Node("".join(texts(message, 4)), texts(message, 1), texts(message, 2), integers)


def read_graph(model):
    """The graph of a model; an initializer that is another by an Identity counts as one, for exporters keep one of several
    equal tensors."""
    (graph,) = [value for number, value in fields(memoryview(model)) if number == GRAPH]
    nodes, initializers, outputs = [], {}, []
    for number, value in fields(graph):
        if number == NODE:
            nodes.append(read_node(value))
        elif number == INITIALIZER:
            of = dict(fields(value))
            initializers[bytes(of[8]).decode()] = of.get(9)
        elif number == OUTPUT:
            outputs += texts(value, 1)
    for node in nodes:
        if node.op_type == "Identity" and node.inputs[0] in initializers:
            initializers[node.outputs[0]] = initializers[node.inputs[0]]
    return Graph(nodes, initializers, outputs)


def to_varint(value):
    head = bytearray()
    while value >= 0x80:
        head.append(value & 0x7F | 0x80)
        value >>= 7
    head.append(value)
    return bytes(head)


def with_length(number, content):
    """A field of bytes."""
    return to_varint(8 * number + 2) + to_varint(len(content)) + content


def metadata_entry(key, value):
    """What is appended to a model's bytes: a StringStringEntryProto of its metadata_props."""
    return with_length(METADATA, with_length(1, key.encode()) + with_length(2, value.encode()))
