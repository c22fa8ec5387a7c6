"""timm's results as its repository has them, with made numbers."""

from __future__ import annotations

from pathlib import Path

RESULTS = """\
model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,interpolation
resnet50.b_in1k,224,80.400,19.600,95.000,5.000,"1,025.60",0.95,bicubic
vit_tiny.b_in1k,224,75.000,25.000,92.000,8.000,5.70,0.90,bicubic
resnet50.a_in1k,224,76.000,24.000,93.000,7.000,"1,025.60",0.875,bilinear
resnet18.b_in1k,224,71.500,28.500,90.000,10.000,11.70,0.95,bicubic
resnet18.a_in1k,224,70.000,30.000,89.000,11.000,11.70,0.875,bilinear
resnet18.in22k_ft_in1k,224,79.000,21.000,94.000,6.000,11.70,0.875,bilinear
resnet18,224,1.000,99.000,2.000,98.000,11.70,0.875,bilinear
"""
REAL = """\
model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,cropt_pct,interpolation,top1_diff,top5_diff,rank_diff
resnet18.b_in1k,224,78.000,22.000,91.000,9.000,11.70,0.95,0.95,bicubic,1.0,1.0,0
resnet18.a_in1k,224,77.000,23.000,91.000,9.000,11.70,0.95,0.95,bicubic,1.0,1.0,0
"""
SPEED = """\
model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count,infer_gmacs,infer_macts
resnet18.a_in1k,224,126.2,7.9,1,11.7,1.8,2.5
resnet18.b_in1k,224,126.2,7.9,1,11.7,1.8,2.5
resnet50,224,67.2,14.9,1,1025.6,4.1,11.1
"""


def write(folder: Path) -> Path:
    """The files in ``folder``; the path of the results."""
    texts = {"results-imagenet": RESULTS, "results-imagenet-real": REAL, "benchmark-infer-fp32-cpu": SPEED}
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder / "results-imagenet.csv"
