"""scikit-learn's models by skl2onnx, XGBoost's by onnxmltools and within pipelines:
nets_sklearn.py OUT

Classifiers are converted without ZipMap, as guests of WASI-NN want them: their scores are a tensor,
not a sequence of maps, which no ABI carries. skl2onnx has an option for that; onnxmltools writes none
for XGBoost.
"""

import sys

import numpy as np
import onnxmltools
import skl2onnx
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from sklearn import (cluster, compose, datasets, decomposition, discriminant_analysis, ensemble,
                     feature_selection, gaussian_process, impute, linear_model, mixture,
                     multioutput, naive_bayes, neighbors, neural_network, pipeline, preprocessing,
                     svm, tree)

import nets

# The versions of ai.onnx and ai.onnx.ml that both converters know.
OPSET = {"": 17, "ai.onnx.ml": 3}
XGBOOST_OPSET = 15

skl2onnx.update_registered_converter(
    xgboost.XGBClassifier, "XGBoostXGBClassifier", calculate_linear_classifier_output_shapes,
    convert_xgboost, options={"nocl": [True, False], "zipmap": [True, False, "columns"]})


def predicted(model, x):
    return [model.predict(x).astype(np.int64), model.predict_proba(x).astype(np.float32)]


def column(model, x):
    y = model.predict(x).astype(np.float32)
    return [y.reshape(len(x), -1)]


def export_sklearn(out, name, model, x, outputs=predicted, options=None, tolerance=1e-4):
    """`outputs` gives what scikit-learn computes, in the order of the model's outputs."""
    if outputs is predicted:
        options = {**(options or {}), "zipmap": False}

    def export(path):
        onnx = skl2onnx.to_onnx(model, x[:1], options=options and {id(model): options},
                                target_opset=OPSET)
        with open(path, "wb") as file:
            file.write(onnx.SerializeToString())

    nets.write(out, "skl2onnx", name, export, [x], outputs(model, x), tolerance)


def export_xgboost(out, name, model, x, outputs=column):
    def export(path):
        onnx = onnxmltools.convert_xgboost(
            model, initial_types=[("x", FloatTensorType([None, x.shape[1]]))],
            target_opset=XGBOOST_OPSET)
        onnxmltools.utils.save_model(onnx, path)

    nets.write(out, "onnxmltools", name, export, [x], outputs(model, x))


def classifiers(out, x, y, rows):
    scaled = pipeline.make_pipeline(preprocessing.StandardScaler(),
                                    linear_model.LogisticRegression(max_iter=500))
    export_sklearn(out, "pipeline", scaled.fit(x, y), rows)
    machine = svm.SVC(probability=True, random_state=0).fit(x, y)
    export_sklearn(out, "svm", machine, rows, tolerance=1e-3)
    stump = pipeline.make_pipeline(preprocessing.MinMaxScaler(),
                                   tree.DecisionTreeClassifier(max_depth=3, random_state=0))
    voters = [("bayes", naive_bayes.GaussianNB()), ("tree", stump)]
    for name, model in {
            "random-forest": ensemble.RandomForestClassifier(10, max_depth=4, random_state=0),
            "gradient-boosting": ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0),
            "neighbours": neighbors.KNeighborsClassifier(3),
            "naive-bayes": naive_bayes.GaussianNB(),
            "discriminant": discriminant_analysis.LinearDiscriminantAnalysis(),
            "mlp": neural_network.MLPClassifier(hidden_layer_sizes=(8,), max_iter=300, random_state=0),
            "voting": ensemble.VotingClassifier(voters, voting="soft",
                                                flatten_transform=False),
            "selection": pipeline.make_pipeline(
                feature_selection.SelectKBest(k=3), preprocessing.PolynomialFeatures(2),
                linear_model.LogisticRegression(max_iter=2000))}.items():
        export_sklearn(out, name, model.fit(x, y), rows)
    isolated = ensemble.IsolationForest(n_estimators=5, random_state=0).fit(x)
    export_sklearn(out, "outliers", isolated, rows, options={"score_samples": False},
                   outputs=lambda model, x: [model.predict(x).reshape(-1, 1).astype(np.int64),
                                             model.decision_function(x).reshape(-1, 1)
                                             .astype(np.float32)])


def regressors(out, x, y, rows):
    for name, model in {
            "ridge": linear_model.Ridge(),
            "svr": svm.SVR(C=10.0),
            "extra-trees": ensemble.ExtraTreesRegressor(5, max_depth=4, random_state=0),
            "neighbours-regressor": neighbors.KNeighborsRegressor(4),
            "scaled-mlp": pipeline.make_pipeline(
                preprocessing.RobustScaler(),
                neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=50, random_state=0)),
            "two-outputs": multioutput.MultiOutputRegressor(linear_model.Lasso(0.1))}.items():
        target = np.stack([y, -2 * y], axis=1) if name == "two-outputs" else y
        export_sklearn(out, name, model.fit(x, target), rows, outputs=column)
    process = gaussian_process.GaussianProcessRegressor(alpha=1.0, random_state=0)
    export_sklearn(out, "gaussian-process", process.fit(x[:30], y[:30]), rows, outputs=column,
                   tolerance=1e-2)


def transformers(out, x, rows):
    def transformed(model, x):
        return [np.asarray(model.transform(x)).astype(np.float32)]

    missing = rows.copy()
    missing[::2, 1] = np.nan
    columns = compose.ColumnTransformer([
        ("numbers", pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()),
         [0, 1]),
        ("bins", preprocessing.KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform"),
         [2]),
        ("whole", preprocessing.Normalizer(), [2, 3])])
    export_sklearn(out, "columns", columns.fit(x), missing, outputs=transformed)
    categories = preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    numbers = (x[:, :2] * 2).astype(np.int64)
    export_sklearn(out, "one-hot", categories.fit(numbers), numbers[::9], outputs=transformed)
    export_sklearn(out, "pca", decomposition.PCA(2).fit(x), rows, outputs=transformed)
    export_sklearn(
        out, "k-means", cluster.KMeans(3, n_init=1, random_state=0).fit(x), rows, tolerance=1e-3,
        outputs=lambda model, x: [model.predict(x).astype(np.int64), *transformed(model, x)])
    export_sklearn(out, "mixture", mixture.GaussianMixture(2, random_state=0).fit(x), rows,
                   tolerance=1e-3,
                   outputs=lambda model, x: [model.predict(x).astype(np.int64),
                                             model.predict_proba(x).astype(np.float32)])


def boosted(out, x, y, rows, numbers, target):
    export_xgboost(out, "xgboost-classifier",
                   xgboost.XGBClassifier(n_estimators=8, max_depth=3, random_state=0).fit(x, y),
                   rows, outputs=predicted)
    export_xgboost(out, "xgboost-binary",
                   xgboost.XGBClassifier(n_estimators=8, max_depth=3).fit(x, y == 1), rows,
                   outputs=predicted)
    few = numbers[::40]
    for name, model in {
            "xgboost-regressor": xgboost.XGBRegressor(n_estimators=8, max_depth=3),
            "xgboost-forest": xgboost.XGBRFRegressor(n_estimators=6, max_depth=4),
            "xgboost-poisson": xgboost.XGBRegressor(n_estimators=5, objective="count:poisson")
    }.items():
        export_xgboost(out, name, model.fit(numbers, target), few)
    model = pipeline.make_pipeline(preprocessing.StandardScaler(),
                                   xgboost.XGBClassifier(n_estimators=5, max_depth=3))
    # XGBoost splits at values that it has seen, where a scaler's last bit decides: others are asked.
    export_sklearn(out, "xgboost-pipeline", model.fit(x, y), rows + np.float32(0.02))


def main(out):
    x, y = datasets.load_iris(return_X_y=True)
    x = x.astype(np.float32)
    rows = x[::7]
    diabetes, target = datasets.load_diabetes(return_X_y=True)
    diabetes = diabetes.astype(np.float32)
    classifiers(out, x, y, rows)
    regressors(out, diabetes, target, diabetes[::40])
    transformers(out, x, rows)
    boosted(out, x, y, rows, diabetes, target)


if __name__ == "__main__":
    main(sys.argv[1])
