"""The Python module over a compiled library: graphrt_test.py FOLDER (with libclassifier.so and
libsmoother.so)."""

import os
import sys
import threading
import time
import unittest

import numpy as np

import graphrt

FOLDER = sys.argv.pop()
model = graphrt.load(os.path.join(FOLDER, "libclassifier.so"))
smoother = graphrt.load(os.path.join(FOLDER, "libsmoother.so"))


class ModelTest(unittest.TestCase):
    def test_describes_itself(self):
        self.assertEqual(model.name, "classifier")
        self.assertEqual(model.exports["predict"], graphrt.Export(
            "predict", ("N",), (graphrt.Tensor("x", "float32", ("N", 3)),),
            (graphrt.Tensor("y", "float32", ("N", 2)),), ()))
        self.assertEqual(model.exports["train_step"].updates, ("scale",))
        self.assertEqual(model.variables["layer/w"],
                         graphrt.Variable("layer/w", "layer/w", "float32", (3, 2), True))

    def test_calls(self):
        net = model.create()
        x = np.arange(12, dtype=np.float32).reshape(4, 3)
        wanted = np.repeat(x.sum(axis=1, keepdims=True) / 2, 2, axis=1)
        np.testing.assert_allclose(net.predict(x), wanted)
        np.testing.assert_allclose(net.predict(x=x), wanted)
        np.testing.assert_allclose(net.call("predict", x[::-1]), wanted[::-1])
        np.testing.assert_allclose(net.predict(np.asfortranarray(x)), wanted)
        np.testing.assert_allclose(net.predict([[1, 2, 3]]), [[3, 3]])
        self.assertEqual(net.predict(np.zeros((0, 3), np.float32)).shape, (0, 2))
        np.testing.assert_allclose(smoother.create().smooth([1, 3, 5, 9]), [2, 4, 7])

    def test_variables(self):
        with model.create() as net:
            np.testing.assert_array_equal(net["scale"], [1, 1])
            net.train_step()
            np.testing.assert_array_equal(net["scale"], [2, 2])
            net["scale"] = [3, 4]
            np.testing.assert_allclose(net.predict([[1, 2, 3]]), [[9, 12]])
            path = os.path.join(FOLDER, "kept.safetensors")
            net.save(path)
            other = model.create(checkpoint=path)
            np.testing.assert_array_equal(other["scale"], [3, 4])
            other["scale"] = np.ones(2, np.float32)
            other.load(path)
            np.testing.assert_array_equal(other["scale"], [3, 4])
            shared = net.share()
            shared.train_step()
            np.testing.assert_array_equal(net["scale"], [4, 5])
        np.testing.assert_array_equal(shared["scale"], [4, 5])
        with self.assertRaisesRegex(graphrt.Error, "closed"):
            net.predict([[1, 2, 3]])

    def test_wrong_types(self):
        net = model.create()
        for call, words in ((lambda: net.predict(np.zeros((1, 3))), "is float32, but .* float64"),
                            (lambda: net.predict([["a", "b", "c"]]), "input 'x'"),
                            (lambda: net.predict(), "input 'x' is missing"),
                            (lambda: net.predict([[1, 2, 3]], z=1), "has no input 'z'"),
                            (lambda: net.predict([[1, 2, 3]], [1]), "takes 1 inputs"),
                            (lambda: net.predict([[1, 2, 3]], x=1), "given twice")):
            with self.assertRaisesRegex(TypeError, words):
                call()
        with self.assertRaisesRegex(AttributeError, "no export 'predct'"):
            net.predct([[1, 2, 3]])
        with self.assertRaises(KeyError):
            net["w"]
        with self.assertRaisesRegex(TypeError, "float64"):
            net["scale"] = np.zeros(2)

    def test_wrong_shapes(self):
        net = model.create()
        for value in (np.zeros((1, 4), np.float32), np.zeros(3, np.float32), np.float32(1)):
            with self.assertRaises(graphrt.ShapeError):
                net.predict(value)
        with self.assertRaisesRegex(ValueError, r"\(N=2, 3\), but the array has \(1, 3\)"):
            net.predict([[1, 2, 3]], N=2)
        with self.assertRaisesRegex(graphrt.ShapeError, r"\(2,\), but the array has \(3,\)"):
            net["scale"] = [1, 2, 3]

    def test_what_is_refused(self):
        net = model.create()
        before = net["layer/w"]
        with self.assertRaisesRegex(graphrt.Error, "none.safetensors") as caught:
            net.load(os.path.join(FOLDER, "none.safetensors"))
        self.assertEqual(caught.exception.status, "input/output error")
        with self.assertRaises(graphrt.Error):
            model.create(checkpoint=os.path.join(FOLDER, "libclassifier.so"))
        np.testing.assert_array_equal(net["layer/w"], before)
        with self.assertRaises(OSError):
            graphrt.load(os.path.join(FOLDER, "libnone.so"))
        with self.assertRaisesRegex(graphrt.Error, "holds no compiled definition 'other'"):
            graphrt.load(os.path.join(FOLDER, "libclassifier.so"), "other")

    def test_lets_other_threads_run(self):
        # A call that lasts: another thread must come to count meanwhile.
        net = model.create(threads=1)
        x = np.zeros((8_000_000, 3), np.float32)
        counts, done = [0], threading.Event()

        def count():
            while not done.is_set():
                counts[0] += 1
                time.sleep(0.0002)
        switch = sys.getswitchinterval()
        sys.setswitchinterval(1000)  # the lock is only given up by who waits or calls out
        thread = threading.Thread(target=count)
        thread.start()
        try:
            time.sleep(0.001)
            before = counts[0]
            net.predict(x)
            during = counts[0] - before
        finally:
            done.set()
            sys.setswitchinterval(switch)
            thread.join()
        self.assertGreater(during, 3)

    def test_instances_side_by_side(self):
        net = model.create()
        x = np.ones((1000, 3), np.float32)
        wrong = []

        def work(instance):
            for _ in range(20):
                if not (instance.predict(x) == 1.5).all():
                    wrong.append(1)
        threads = [threading.Thread(target=work, args=(net.share(),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
