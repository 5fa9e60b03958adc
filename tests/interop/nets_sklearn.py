"""scikit-learn's models by skl2onnx, XGBoost's by onnxmltools: nets_sklearn.py OUT"""

import sys

import numpy as np
import onnxmltools
import skl2onnx
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn import datasets, ensemble, linear_model, pipeline, preprocessing, svm

import nets

# The versions of ai.onnx and ai.onnx.ml that both converters know.
OPSET = {"": 17, "ai.onnx.ml": 3}
XGBOOST_OPSET = 15


def export_sklearn(out, name, model, x, is_classifier=True, tolerance=1e-4):
    outputs = [model.predict(x).astype(np.int64), model.predict_proba(x).astype(np.float32)] \
        if is_classifier else [model.predict(x).astype(np.float32).reshape(-1, 1)]
    options = {id(model): {"zipmap": False}} if is_classifier else None

    def export(path):
        onnx = skl2onnx.to_onnx(model, x[:1], options=options, target_opset=OPSET)
        with open(path, "wb") as file:
            file.write(onnx.SerializeToString())

    nets.write(out, "skl2onnx", name, export, [x], outputs, tolerance)


def export_xgboost(out, name, model, x, is_classifier=True, tolerance=1e-4):
    outputs = [model.predict(x).astype(np.int64), model.predict_proba(x)] \
        if is_classifier else [model.predict(x).reshape(-1, 1)]

    def export(path):
        onnx = onnxmltools.convert_xgboost(
            model, initial_types=[("x", FloatTensorType([None, x.shape[1]]))],
            target_opset=XGBOOST_OPSET)
        onnxmltools.utils.save_model(onnx, path)

    nets.write(out, "onnxmltools", name, export, [x], outputs, tolerance)


def main(out):
    x, y = datasets.load_iris(return_X_y=True)
    x = x.astype(np.float32)
    rows = x[::7]
    scaled = pipeline.make_pipeline(preprocessing.StandardScaler(),
                                    linear_model.LogisticRegression(max_iter=500))
    export_sklearn(out, "pipeline", scaled.fit(x, y), rows)
    forest = ensemble.RandomForestClassifier(10, max_depth=4, random_state=0)
    export_sklearn(out, "random-forest", forest.fit(x, y), rows)
    machine = svm.SVC(probability=True, random_state=0)
    export_sklearn(out, "svm", machine.fit(x, y), rows, tolerance=1e-3)
    diabetes, target = datasets.load_diabetes(return_X_y=True)
    diabetes = diabetes.astype(np.float32)
    linear = linear_model.Ridge().fit(diabetes, target)
    export_sklearn(out, "ridge", linear, diabetes[::40], is_classifier=False)
    boosted = xgboost.XGBClassifier(n_estimators=8, max_depth=3, random_state=0)
    export_xgboost(out, "xgboost-classifier", boosted.fit(x, y), rows)
    boosted = xgboost.XGBRegressor(n_estimators=8, max_depth=3, random_state=0)
    export_xgboost(out, "xgboost-regressor", boosted.fit(diabetes, target), diabetes[::40],
                   is_classifier=False)


if __name__ == "__main__":
    main(sys.argv[1])
