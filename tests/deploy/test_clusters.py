"""The examples of clusters in deploy/ fit what their programs read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml


def test_ray_reads_the_cluster(project_root: Path) -> None:
    """Against the schema that Ray itself checks a cluster file by."""
    ray = pytest.importorskip("ray")
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(yaml.safe_load((project_root / "deploy/ray-cluster.yaml").read_text()), schema)


def test_the_kubernetes_cluster_holds_together(project_root: Path) -> None:
    cluster = yaml.safe_load((project_root / "deploy/kuberay.yaml").read_text())
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    for group in groups:
        assert {"rayStartParams", "template"} <= set(group)
        pod = group["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        (container,) = pod["containers"]
        assert set(container["resources"]) == {"requests", "limits"}
    (workers,) = groups[1:]
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
