"""The words of the study's tables and captions in Chinese.

Tables are measured in English. A name such as "VAE, N(0, I)" is put together from words, of which
each is looked up; names of models, symbols and numbers stay as they are.
"""

from __future__ import annotations

import re
from typing import Any

SAID: dict[str, dict[str, Any]] = {
    "en": {
        "claim": "what is said",
        "measured": "measured",
        "verdict": "verdict",
        "holds": "**holds**",
        "fails": "**does not hold**",
        "only": "**holds only**",
        "colon": ": ",
        "between": "; ",
        "took": "{set}: {minutes:.0f} minutes by the clock, on a core shared with other programs;",
        "gap": " ",
        "stop": ".",
        "circumstances": (),
    },
    "zh": {
        "claim": "常见说法",
        "measured": "实测",
        "verdict": "结论",
        "holds": "**成立**",
        "fails": "**不成立**",
        "only": "**有条件成立**：",
        "colon": "：",
        "between": "；",
        "took": "{set}：在一个与其他程序共用的核上历时 {minutes:.0f} 分钟；",
        "gap": "",
        "stop": "。",
        "circumstances": (
            ("Measured on", "测量环境："),
            (", with latentry", "，软件版本：latentry"),
            (" cores", " 核"),
            (" threads", " 线程"),
            ("Settings (", "参数（"),
            ("): `", "）：`"),
            ("`.", "`。"),
        ),
    },
}

ZH = {
    # columns
    "model": "模型",
    "squared error": "平方误差",
    "PSNR, dB": "PSNR（dB）",
    "sharpness": "锐度",
    "distortion, nats": "失真（nat）",
    "rate, nats": "码率（nat）",
    "-ELBO, nats": "-ELBO（nat）",
    "bound of 100 draws, nats": "100 次采样的界（nat）",
    "active units": "活跃维数",
    "codes": "编码的来源",
    "Fréchet distance": "Fréchet 距离",
    "precision": "精确率",
    "recall": "召回率",
    "share the judge is sure of": "判别器有把握的比例",
    "path": "路径",
    "sure at the ends": "两端有把握",
    "sure in the middle": "中段有把握",
    "a third class in the middle": "中段落入第三类",
    "distance of the middle": "中点到数据的距离",
    "largest step over mean step": "最大步长 / 平均步长",
    "pairs": "样本对数",
    "class held out": "被留出的类别",
    "PCA, squared error": "PCA，平方误差",
    "AE, squared error": "AE，平方误差",
    "VAE, squared error": "VAE，平方误差",
    "VAE, reconstruction": "VAE，重构项",
    "VAE, reconstruction + KL": "VAE，重构项 + KL",
    "VAE, KL alone": "VAE，仅 KL",
    "class asked for": "指定的类别",
    "samples": "生成样本",
    "test images": "测试图像",
    "code": "编码",
    "kNN, 100 labels": "kNN，100 个标签",
    "kNN, 10,000 labels": "kNN，10,000 个标签",
    "probe, 100 labels": "线性探针，100 个标签",
    "probe, 10,000 labels": "线性探针，10,000 个标签",
    "linear probe": "线性探针",
    "change of the image": "图像的变化",
    "its 99th percentile over its mean": "其 99 百分位 / 均值",
    "change of the code": "编码的变化",
    "trustworthiness": "可信度",
    "continuity": "连续性",
    "gap to what is drawn from": "与采样分布的差距",
    "holes": "空洞比例",
    "model, latent dimensions": "模型，潜变量维数",
    "left of shuffled": "打乱像素后的残差",
    "left of inverted": "反色后的残差",
    "left of noise": "噪声图像的残差",
    "cleaned of noise 0.25, dB": "去噪后（噪声 0.25，dB）",
    "no noise": "无噪声",
    "rate, bits": "码率（bit）",
    "not rounded": "不取整",
    # rows, and parts of rows
    "training images": "训练图像",
    "Gaussian of its codes": "对编码拟合的高斯分布",
    "mixture of its codes": "对编码拟合的混合分布",
    "pixels": "像素",
    "blended": "逐像素混合",
    "straight": "直线",
    "spherical": "球面",
    "geodesic": "测地线",
    "mean": "均值",
    "one draw": "一次采样",
    "average of 100 draws": "100 次采样的平均",
    "the most frequent class": "最常见的类别",
    "always": "恒定输出",
    "the noisy image": "含噪图像本身",
    "t-shirt": "T 恤",
    "trousers": "裤子",
    "pullover": "套头衫",
    "dress": "连衣裙",
    "coat": "外套",
    "sandal": "凉鞋",
    "shirt": "衬衫",
    "sneaker": "运动鞋",
    "bag": "包",
    "ankle boot": "短靴",
    # figures and captions
    "accuracy of the judge on test images": "判别器在测试图像上的准确率",
    "Ten random draws of each, not picked.": "每种来源随机抽取十个，未经挑选。",
    "The first two pairs of test images, ten even steps from one to the other.": (
        "测试集中的前两对图像，从一端到另一端等分为十步。"
    ),
    "One row for each class that was asked for; a column shares one code.": (
        "每行对应一个指定的类别，同一列共用一个编码。"
    ),
    "The first ten test images, and what each model makes of them.": (
        "前十张测试图像以及各模型的重构。"
    ),
    "Ten test images, the same with noise of standard deviation 0.25, and what four models make of"
    " the noisy ones.": (
        "十张测试图像、加入标准差 0.25 的噪声后的图像，以及四个模型由含噪图像得到的重构。"
    ),
    "PSNR of test images from codes of 1 to 8 bits for each of ten dimensions. A star stands at a"
    " model's rate, its KL in bits, and its PSNR from the exact posterior mean.": (
        "编码的十个维度各用 1 至 8 bit 存储时测试图像的 PSNR。星号的横坐标是模型的码率（以 bit 计的"
        " KL），纵坐标是用精确后验均值重构的 PSNR。"
    ),
    "Area under the ROC curve for each class held out, by five scores; the dashed line is"
    " chance.": ("留出各类别时五种打分的 ROC 曲线下面积；虚线为随机水平。"),
    "Five test images with their pixels in another order and five inverted ones, neither ever seen"
    " in training, and what each model makes of them.": (
        "五张打乱像素的测试图像和五张反色图像（训练中都从未出现），以及各模型的重构。"
    ),
}

SAME = re.compile(r"[-+]?[\d.,]+|N\(0|I\)|PCA|\w*AE|IWAE|SSIM|kNN", re.ASCII)
"""What is the same in both languages."""


def say(text: str, language: str) -> str:
    """A name or a caption in a language. Raises KeyError for one that has no translation."""
    if language == "en" or text in ZH or not text:
        return ZH[text] if language == "zh" and text else text
    found = re.fullmatch(r"(noise|\d+) ?(.*)", text)
    if found and found[1] == "noise":
        return f"噪声 {found[2]}"
    if found and found[2] == "bits":
        return f"{found[1]} bit"
    words = text.replace("N(0, I)", "N(0,I)").split(", ")
    return "，".join(ZH[w] if w in ZH else same(w) for w in words)


def same(word: str) -> str:
    """A word that needs no translation."""
    if not SAME.fullmatch(word) and word != "N(0,I)":
        raise KeyError(f"{word!r} has no translation in study_words.py")
    return word.replace("N(0,I)", "N(0, I)")
