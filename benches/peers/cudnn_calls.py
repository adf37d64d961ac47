#!/usr/bin/env python3
"""Milliseconds of each cuDNN call that model::kernels::cuda makes, one by one, beside PyTorch's way of the same, on a
card.

  cudnn_calls.py [--networks vgg16,cnn] [--precisions f32,bf16] [--batch 64] [--size 224]

Tensors are NHWC, f32 products run in TF32. Prints a line of JSON for each block and precision; a call that cuDNN
refuses has its status in place of its time. `filter` and `data` are what cuDNN ranks first, `filter 1` an algorithm by
its number, `torch …` what PyTorch's operation takes.
"""

import argparse
import ctypes
import json

import torch

cudnn = ctypes.CDLL("libcudnn.so.9")
NHWC, FLOAT, BF16 = 1, 0, 9
WIDTHS = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]


class Ranked(ctypes.Structure):
    _fields_ = [
        ("algorithm", ctypes.c_int),
        ("status", ctypes.c_int),
        ("time", ctypes.c_float),
        ("memory", ctypes.c_size_t),
        ("determinism", ctypes.c_int),
        ("math", ctypes.c_int),
        ("reserved", ctypes.c_int * 3),
    ]


class Refused(Exception):
    """A status that is not success."""


def check(status):
    if status:
        raise Refused(status)


def descriptor(kind):
    made = ctypes.c_void_p()
    check(getattr(cudnn, f"cudnnCreate{kind}Descriptor")(ctypes.byref(made)))
    return made


def at(tensor):
    return ctypes.c_void_p(tensor.data_ptr())


ONE, ZERO = ctypes.byref(ctypes.c_float(1)), ctypes.byref(ctypes.c_float(0))


def milliseconds(run, repeats=5):
    """The middle of some runs by events, or the status of one that was refused."""
    try:
        run()
        run()
        times = []
        for _ in range(repeats):
            first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            first.record()
            run()
            last.record()
            last.synchronize()
            times.append(first.elapsed_time(last))
        return round(sorted(times)[repeats // 2], 4)
    except Refused as refused:
        return f"status {refused}"
    except RuntimeError as error:
        return str(error).splitlines()[0][:80]


def blocks(network, batch, size):
    """Images, channels in and out, side, and whether pooling follows."""
    if network == "cnn":
        return [(batch, 1, 32, 48, True), (batch, 32, 64, 24, True)]
    found, channels = [], 3
    for width, count in WIDTHS:
        for number in range(count):
            found.append((batch, channels, width, size, number == count - 1))
            channels = width
        size //= 2
    return found


class Block:
    """A block's tensors and descriptors."""

    def __init__(self, handle, shape, kind):
        n, c_in, c_out, side, self.pooled = shape
        self.handle = handle
        number, dtype = (FLOAT, torch.float32) if kind == "f32" else (BF16, torch.bfloat16)
        new = (
            lambda n, c, side: torch.randn(n, c, side, side, device="cuda")
            .to(dtype)
            .contiguous(memory_format=torch.channels_last)
        )
        self.x, self.y, self.grad = new(n, c_in, side), new(n, c_out, side), new(n, c_out, side)
        self.dx, self.dy = torch.empty_like(self.x), torch.empty_like(self.y)
        self.small, self.small_grad = new(n, c_out, side // 2), new(n, c_out, side // 2)
        self.w, self.b = new(c_out, c_in, 3), torch.randn(c_out, device="cuda").to(dtype)
        self.dw, self.db = torch.empty_like(self.w), torch.empty_like(self.b)
        self.workspace = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
        tensor = lambda n, c, h: self.described(number, n, c, h)
        self.x_of, self.y_of, self.b_of = tensor(n, c_in, side), tensor(n, c_out, side), tensor(1, c_out, 1)
        self.small_of = tensor(n, c_out, side // 2)
        self.w_of = descriptor("Filter")
        check(cudnn.cudnnSetFilter4dDescriptor(self.w_of, number, NHWC, c_out, c_in, 3, 3))
        self.convolution = descriptor("Convolution")
        check(cudnn.cudnnSetConvolution2dDescriptor(self.convolution, 1, 1, 1, 1, 1, 1, 1, FLOAT))
        check(cudnn.cudnnSetConvolutionMathType(self.convolution, 0 if kind == "f32" else 1))
        self.relu = descriptor("Activation")
        check(cudnn.cudnnSetActivationDescriptor(self.relu, 1, 0, ctypes.c_double(0)))
        self.pooling = descriptor("Pooling")
        check(cudnn.cudnnSetPooling2dDescriptor(self.pooling, 0, 0, 2, 2, 0, 0, 2, 2))

    @staticmethod
    def described(number, n, c, side):
        made = descriptor("Tensor")
        check(cudnn.cudnnSetTensor4dDescriptor(made, NHWC, number, n, c, side, side))
        return made

    def forward(self):
        size = ctypes.c_size_t(1 << 30)
        check(
            cudnn.cudnnConvolutionBiasActivationForward(
                self.handle,
                ONE,
                self.x_of,
                at(self.x),
                self.w_of,
                at(self.w),
                self.convolution,
                1,
                at(self.workspace),
                size,
                ZERO,
                self.y_of,
                at(self.y),
                self.b_of,
                at(self.b),
                self.relu,
                self.y_of,
                at(self.y),
            )
        )

    def pool(self):
        check(
            cudnn.cudnnPoolingForward(
                self.handle, self.pooling, ONE, self.y_of, at(self.y), ZERO, self.small_of, at(self.small)
            )
        )

    def pool_back(self):
        check(
            cudnn.cudnnPoolingBackward(
                self.handle,
                self.pooling,
                ONE,
                self.small_of,
                at(self.small),
                self.small_of,
                at(self.small_grad),
                self.y_of,
                at(self.y),
                ZERO,
                self.y_of,
                at(self.dy),
            )
        )

    def relu_back(self):
        of, out, grad = (self.small_of, self.small, self.small_grad) if self.pooled else (self.y_of, self.y, self.grad)
        check(
            cudnn.cudnnActivationBackward(
                self.handle, self.relu, ONE, of, at(out), of, at(grad), of, at(out), ZERO, of, at(self.dy)
            )
        )

    def bias_back(self):
        check(
            cudnn.cudnnConvolutionBackwardBias(self.handle, ONE, self.y_of, at(self.grad), ZERO, self.b_of, at(self.db))
        )

    def filter_back(self, algorithm):
        check(
            cudnn.cudnnConvolutionBackwardFilter(
                self.handle,
                ONE,
                self.x_of,
                at(self.x),
                self.y_of,
                at(self.grad),
                self.convolution,
                algorithm,
                at(self.workspace),
                ctypes.c_size_t(1 << 30),
                ZERO,
                self.w_of,
                at(self.dw),
            )
        )

    def data_back(self, algorithm):
        check(
            cudnn.cudnnConvolutionBackwardData(
                self.handle,
                ONE,
                self.w_of,
                at(self.w),
                self.y_of,
                at(self.grad),
                self.convolution,
                algorithm,
                at(self.workspace),
                ctypes.c_size_t(1 << 30),
                ZERO,
                self.x_of,
                at(self.dx),
            )
        )

    def ranked(self, what):
        found, count = (Ranked * 8)(), ctypes.c_int()
        if what == "filter":
            check(
                cudnn.cudnnGetConvolutionBackwardFilterAlgorithm_v7(
                    self.handle, self.x_of, self.y_of, self.convolution, self.w_of, 8, ctypes.byref(count), found
                )
            )
        else:
            check(
                cudnn.cudnnGetConvolutionBackwardDataAlgorithm_v7(
                    self.handle, self.w_of, self.y_of, self.convolution, self.x_of, 8, ctypes.byref(count), found
                )
            )
        return [one for one in found[: count.value] if one.status == 0]

    def times(self):
        found = {
            "forward": milliseconds(self.forward),
            "relu back": milliseconds(self.relu_back),
            "bias back": milliseconds(self.bias_back),
        }
        if self.pooled:
            found |= {"pool": milliseconds(self.pool), "pool back": milliseconds(self.pool_back)}
        for what, run in (("filter", self.filter_back), ("data", self.data_back)):
            ranked = self.ranked(what)
            found[f"{what} ranked"] = [(one.algorithm, one.memory >> 20, one.math) for one in ranked]
            for algorithm in dict.fromkeys(one.algorithm for one in ranked):
                found[f"{what} {algorithm}"] = milliseconds(lambda: run(algorithm))
        back = lambda mask: torch.ops.aten.convolution_backward(
            self.grad, self.x, self.w, [self.w.shape[0]], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask
        )
        convolve = lambda: torch.nn.functional.conv2d(self.x, self.w, self.b, padding=1)
        found |= {
            "torch convolution": milliseconds(convolve),
            "torch filter": milliseconds(lambda: back([False, True, False])),
            "torch data": milliseconds(lambda: back([True, False, False])),
            "torch bias back": milliseconds(lambda: self.grad.sum((0, 2, 3))),
            "torch relu back": milliseconds(lambda: torch.ops.aten.threshold_backward(self.grad, self.y, 0)),
        }
        if self.pooled:
            out, indices = torch.ops.aten.max_pool2d_with_indices(self.y, [2, 2], [2, 2])
            found["torch pool"] = milliseconds(lambda: torch.ops.aten.max_pool2d_with_indices(self.y, [2, 2], [2, 2]))
            found["torch pool back"] = milliseconds(
                lambda: torch.ops.aten.max_pool2d_with_indices_backward(
                    self.small_grad, self.y, [2, 2], [2, 2], [0, 0], [1, 1], False, indices
                )
            )
        return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="vgg16,cnn")
    parser.add_argument("--precisions", default="f32,bf16")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", type=int, default=224)
    arguments = parser.parse_args()
    torch.backends.cudnn.benchmark = torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    torch.zeros(1, device="cuda")
    handle = ctypes.c_void_p()
    check(cudnn.cudnnCreate(ctypes.byref(handle)))
    check(cudnn.cudnnSetStream(handle, ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)))
    for network in arguments.networks.split(","):
        for batch in (arguments.batch, 1024) if network == "cnn" else (arguments.batch,):
            for shape in blocks(network, batch, arguments.size):
                for kind in arguments.precisions.split(","):
                    found = Block(handle, shape, kind).times()
                    print(json.dumps({"network": network, "block": shape, "precision": kind, **found}), flush=True)


if __name__ == "__main__":
    main()
