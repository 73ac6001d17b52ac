"""What is commonly said of autoencoders and VAEs, and the figures and the rule to judge it by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from study_rules import Claim, Tables, Values, both, pick, unless, when

POINT = 0.01
"""A difference of accuracies or AUROCs that counts."""
CLEAR = 0.03
"""A difference of shares among some hundred images that counts."""
SHARE = 0.05
"""A relative difference of errors and distances that counts."""

SQUARED = "squared error"
FRECHET = "Fréchet distance"
MIDDLE = "sure in the middle"
DISTANCE = "distance of the middle"
KNN = "kNN, 10,000 labels"


def hardest(tables: Tables) -> Values:
    """The class that is worst told from the others by reconstruction plus KL."""
    way = "VAE, reconstruction + KL"
    found = {name: row[way] for name, row in tables["anomalies"].items() if name != "mean"}
    name = min(found, key=lambda k: found[k])
    return {"name": name, "worst": found[name]}


def drop(model: str, bits: str) -> Callable[[Tables], float]:
    """Decibels that rounding costs."""
    return lambda t: t["compression"][model]["not rounded"] - t["compression"][model][bits]


def rounding(tables: Tables) -> Values:
    """What codes of 30 and 50 bits cost each model."""
    return {
        f"{name}{bits}": drop(model, f"{bits} bits")(tables)
        for name, model in (("ae", "AE"), ("vae", "VAE"))
        for bits in (30, 50)
    }


def wide_row(tables: Tables, model: str) -> dict[str, Any]:
    """The row of a model with the wide code."""
    (found,) = (
        row for name, row in tables["wide"].items() if name.startswith(model) and name[-3:] != " 10"
    )
    return found


def copies(tables: Tables) -> Values:
    """What is left of images that the wide AE never saw the like of."""
    row = wide_row(tables, "AE")
    return {k: row[f"left of {k}"] for k in ("shuffled", "inverted", "noise")}


def used(tables: Tables) -> Values:
    """The active units of the wide VAE, and what it loses by them."""
    row, narrow = wide_row(tables, "VAE"), tables["wide"]["VAE, 10"]
    return {
        "units": row["active units"],
        "wide": row["squared error"],
        "narrow": narrow["squared error"],
    }


def cleaned(tables: Tables) -> Values:
    """The noisy images and what is made of them, at two levels."""
    rows = {"noisy": "the noisy image", "ae": "AE", "vae": "VAE", "pca": "PCA, 10"}
    rows |= {"trained": "DenoisingAE"}
    return {
        f"{key}{i}": tables["denoising"][row][f"noise {level}"]
        for key, row in rows.items()
        for i, level in ((1, 0.25), (2, 0.5))
    }


def helped(v: Values, level: int) -> bool:
    """Whether one that was not trained for it made noisy images better."""
    return max(v[f"{key}{level}"] for key in ("ae", "vae", "pca")) > v[f"noisy{level}"]


CLAIMS: tuple[Claim, ...] = (
    Claim(
        (
            "An AE reconstructs better than a VAE with the same net.",
            "网络相同时，AE 的重构优于 VAE。",
        ),
        (
            "squared error: AE {ae}, VAE {vae}; AE trained by the squared error {square}",
            "平方误差：AE {ae}，VAE {vae}；以平方误差训练的 AE {square}",
        ),
        pick("reconstruction", SQUARED, ae="AE", vae="VAE", square="AE, squared error"),
        unless(
            lambda v: max(v["ae"], v["square"]) < (1 - SHARE) * v["vae"],
            lambda v: v["ae"] < (1 - SHARE) * v["vae"],
        ),
        ("where both score pixels by the same likelihood", "两者须使用相同的像素似然"),
    ),
    Claim(
        ("The KL is why a VAE reconstructs worse.", "VAE 重构较差，是 KL 项造成的。"),
        (
            "squared error: AE trained by it {square}, SigmaVAE (the same loss, its weight"
            " learned, and the KL) {sigma}",
            "平方误差：以其训练的 AE {square}，SigmaVAE（同样的损失、权重自学习，另加 KL）{sigma}",
        ),
        pick("reconstruction", SQUARED, sigma="SigmaVAE", square="AE, squared error"),
        when(lambda v: v["sigma"] > (1 + SHARE) * v["square"]),
    ),
    Claim(
        ("A VAE's images are blurred, an AE's are sharp.", "VAE 的图像模糊，AE 的清晰。"),
        (
            "sharpness of reconstructions (data: 1): AE {ae}, VAE {vae}",
            "重构的锐度（原图为 1）：AE {ae}，VAE {vae}",
        ),
        pick("reconstruction", "sharpness", ae="AE", vae="VAE"),
        when(lambda v: v["ae"] > 0.8 and v["vae"] < 0.8 * v["ae"]),
    ),
    Claim(
        ("A VAE can be sampled, an AE cannot.", "VAE 可以采样生成，AE 不能。"),
        (
            "Fréchet distance: VAE from N(0, I) {vae}; AE from N(0, I) {prior}, from a mixture"
            " fitted to its codes {mixture}",
            "Fréchet 距离：VAE 从 N(0, I) 采样 {vae}；AE 从 N(0, I) 采样 {prior}，从对其编码拟合的"
            "混合分布采样 {mixture}",
        ),
        pick(
            "sampling",
            FRECHET,
            vae="VAE, N(0, I)",
            prior="AE, N(0, I)",
            mixture="AE, mixture of its codes",
        ),
        unless(
            lambda v: v["mixture"] > (1 + SHARE) * v["vae"],
            lambda v: v["prior"] > (1 + SHARE) * v["vae"],
        ),
        ("as long as the AE's codes are drawn from N(0, I)", "AE 的编码也从 N(0, I) 采样时"),
    ),
    Claim(
        (
            "A VAE's codes fill its prior, so N(0, I) is where to draw from.",
            "VAE 的编码填满先验，因此应从 N(0, I) 采样。",
        ),
        (
            "Fréchet distance: from N(0, I) {prior}, from a mixture fitted to its codes {mixture}",
            "Fréchet 距离：从 N(0, I) 采样 {prior}，从对其编码拟合的混合分布采样 {mixture}",
        ),
        pick("sampling", FRECHET, prior="VAE, N(0, I)", mixture="VAE, mixture of its codes"),
        when(lambda v: v["prior"] < (1 + SHARE) * v["mixture"]),
    ),
    Claim(
        (
            "A larger β makes codes fit the prior and samples better.",
            "增大 β 使编码更贴合先验，样本因此更好。",
        ),
        (
            "Fréchet distance: VAE {vae}, BetaVAE (β = 4) {beta}",
            "Fréchet 距离：VAE {vae}，BetaVAE（β = 4）{beta}",
        ),
        pick("sampling", FRECHET, vae="VAE, N(0, I)", beta="BetaVAE, N(0, I)"),
        when(lambda v: v["beta"] < (1 - SHARE) * v["vae"]),
    ),
    Claim(
        (
            "Half way between two codes a VAE shows a plausible image, an AE does not.",
            "两个编码的中点，VAE 解码出合理的图像，AE 则不能。",
        ),
        (
            "middles that the judge is sure of: VAE {vae}, AE {ae}, blended pixels {pixels}",
            "判别器有把握的中段图像：VAE {vae}，AE {ae}，逐像素混合 {pixels}",
        ),
        pick(
            "interpolation",
            MIDDLE,
            vae="VAE, straight",
            ae="AE, straight",
            pixels="pixels, blended",
        ),
        unless(
            lambda v: v["vae"] > max(v["ae"], v["pixels"]) + CLEAR,
            lambda v: v["vae"] > v["ae"] + CLEAR,
        ),
        (
            "against the AE; blended pixels do as well or better",
            "仅相对于 AE 成立；逐像素混合不相上下甚至更好",
        ),
    ),
    Claim(
        ("An AE's path is no better than blending the pixels.", "AE 的插值不过是逐像素混合。"),
        (
            "distance of the middle to the data: AE {ae}, pixels {pixels}",
            "中点到数据的距离：AE {ae}，像素混合 {pixels}",
        ),
        pick("interpolation", DISTANCE, ae="AE, straight", pixels="pixels, blended"),
        when(lambda v: v["ae"] > (1 - SHARE) * v["pixels"]),
    ),
    Claim(
        (
            "In a VAE one should not go straight but around the origin (spherical paths).",
            "在 VAE 中插值不应走直线，而应绕原点走球面路径。",
        ),
        (
            "middles that the judge is sure of: straight {straight}, spherical {spherical};"
            " distance of the middle to the data: {near}, {far}",
            "判别器有把握的中段图像：直线 {straight}，球面 {spherical}；中点到数据的距离："
            "{near}，{far}",
        ),
        both(
            pick("interpolation", MIDDLE, straight="VAE, straight", spherical="VAE, spherical"),
            pick("interpolation", DISTANCE, near="VAE, straight", far="VAE, spherical"),
        ),
        unless(
            lambda v: v["spherical"] > v["straight"] + CLEAR and v["far"] <= v["near"],
            lambda v: v["spherical"] > v["straight"] + CLEAR,
        ),
        (
            "by the judge's certainty; the middles lie farther from the data",
            "以判别器的把握衡量；但中点离数据更远",
        ),
    ),
    Claim(
        (
            "Anomalies are found better by reconstruction plus KL than by reconstruction alone.",
            "检测异常时，重构项加 KL 优于仅用重构项。",
        ),
        (
            "mean AUROC: with the KL {bound}, without {alone}; the KL alone {kl}",
            "平均 AUROC：加 KL {bound}，不加 {alone}；仅 KL {kl}",
        ),
        both(
            lambda t: {
                "bound": t["anomalies"]["mean"]["VAE, reconstruction + KL"],
                "alone": t["anomalies"]["mean"]["VAE, reconstruction"],
                "kl": t["anomalies"]["mean"]["VAE, KL alone"],
            }
        ),
        when(lambda v: v["bound"] > v["alone"] + POINT),
    ),
    Claim(
        (
            "A VAE finds anomalies better than an AE does, and both better than PCA.",
            "检测异常时 VAE 优于 AE，两者都优于 PCA。",
        ),
        (
            "mean AUROC of the squared error: VAE {vae}, AE {ae}, PCA {pca}; of the VAE's"
            " -ELBO {bound}",
            "平方误差的平均 AUROC：VAE {vae}，AE {ae}，PCA {pca}；VAE 的 -ELBO {bound}",
        ),
        lambda t: {
            "vae": t["anomalies"]["mean"]["VAE, squared error"],
            "ae": t["anomalies"]["mean"]["AE, squared error"],
            "pca": t["anomalies"]["mean"]["PCA, squared error"],
            "bound": t["anomalies"]["mean"]["VAE, reconstruction + KL"],
        },
        when(lambda v: max(v["vae"], v["bound"]) > v["ae"] + POINT and v["ae"] > v["pca"] + POINT),
    ),
    Claim(
        (
            "What a model has never seen, it finds unlikely.",
            "模型会认为从未见过的东西不太可能出现。",
        ),
        (
            "AUROC of the -ELBO for the worst class, {name}: {worst}",
            "-ELBO 在最差类别（{name}）上的 AUROC：{worst}",
        ),
        hardest,
        when(lambda v: v["worst"] > 0.5),
    ),
    Claim(
        ("A conditional VAE makes the class that it is asked for.", "条件 VAE 能生成指定的类别。"),
        (
            "agreement of the judge: samples {made}, test images {real}",
            "判别器认同的比例：样本 {made}，测试图像 {real}",
        ),
        lambda t: {
            "made": t["conditional"]["mean"]["samples"],
            "real": t["conditional"]["mean"]["test images"],
        },
        when(lambda v: v["made"] > 0.95 * v["real"]),
    ),
    Claim(
        (
            "A conditional VAE's code holds the style only, not the class.",
            "条件 VAE 的编码只含风格，不含类别。",
        ),
        (
            "class by kNN from the code: ConditionalVAE {told}, VAE {plain}, chance {chance}",
            "由编码用 kNN 判断类别：ConditionalVAE {told}，VAE {plain}，随机水平 {chance}",
        ),
        pick(
            "style",
            "kNN",
            told="ConditionalVAE",
            plain="VAE",
            chance="the most frequent class, always",
        ),
        when(lambda v: v["told"] < v["chance"] + 0.1),
    ),
    Claim(
        ("A VAE's codes are better features than an AE's.", "VAE 的编码是比 AE 更好的特征。"),
        (
            "kNN with 10,000 labels: VAE {vae}, AE {ae}, PCA {pca}",
            "10,000 个标签的 kNN：VAE {vae}，AE {ae}，PCA {pca}",
        ),
        pick("features", KNN, vae="VAE, mean", ae="AE", pca="PCA, 10"),
        when(lambda v: v["vae"] > v["ae"] + POINT),
    ),
    Claim(
        (
            "A denoising AE learns better features than a plain one.",
            "去噪 AE 学到的特征优于普通 AE。",
        ),
        (
            "kNN with 10,000 labels: DenoisingAE {noisy}, AE {ae}",
            "10,000 个标签的 kNN：DenoisingAE {noisy}，AE {ae}",
        ),
        pick("features", KNN, noisy="DenoisingAE", ae="AE"),
        when(lambda v: v["noisy"] > v["ae"] + POINT),
    ),
    Claim(
        (
            "For features take the mean, not a draw; an average of draws comes to the same.",
            "作特征应取后验均值而非一次采样；多次采样的平均与均值等效。",
        ),
        (
            "VAE, kNN with 10,000 labels: mean {mean}, one draw {draw}, average of 100 {average}",
            "VAE，10,000 个标签的 kNN：均值 {mean}，一次采样 {draw}，100 次平均 {average}",
        ),
        pick(
            "features",
            KNN,
            mean="VAE, mean",
            draw="VAE, one draw",
            average="VAE, average of 100 draws",
        ),
        when(lambda v: v["mean"] > v["draw"] + POINT and abs(v["mean"] - v["average"]) < POINT),
    ),
    Claim(
        (
            "An AE's latent space has cliffs, a VAE's is even.",
            "AE 的潜空间有断崖，VAE 的潜空间平坦连续。",
        ),
        (
            "99th percentile over mean of the change for a small step: AE {ae}, VAE {vae}",
            "编码移动一小步时图像变化的 99 百分位与均值之比：AE {ae}，VAE {vae}",
        ),
        pick("continuity", "its 99th percentile over its mean", ae="AE", vae="VAE"),
        when(lambda v: v["ae"] > 1.2 * v["vae"]),
    ),
    Claim(
        ("A VAE's latent space has no holes.", "VAE 的潜空间没有空洞。"),
        (
            "draws from the prior that decode to something far from all data (1 in 100 would"
            " be none): VAE {vae}, SigmaVAE {sigma}; AE from its mixture {ae}",
            "先验样本解码后远离所有数据的比例（0.01 即为没有空洞）：VAE {vae}，SigmaVAE {sigma}；"
            "AE 从其混合分布采样 {ae}",
        ),
        pick("continuity", "holes", vae="VAE", sigma="SigmaVAE", ae="AE"),
        when(lambda v: max(v["vae"], v["sigma"]) < 0.02),
    ),
    Claim(
        (
            "An AE whose code is larger than its input learns to copy.",
            "潜变量维数大于输入时，AE 学会的只是复制。",
        ),
        (
            "left of images unlike the data (0: copied, 1: a flat grey): shuffled {shuffled},"
            " inverted {inverted}, noise {noise}",
            "与数据迥异的图像的残差（0 为复制，1 相当于一片灰）：打乱 {shuffled}，反色 {inverted}，"
            "噪声 {noise}",
        ),
        copies,
        when(lambda v: max(v.values()) < 0.1),
    ),
    Claim(
        (
            "A VAE with 1,000 dimensions uses as many as it needs and loses nothing.",
            "1,000 维的 VAE 只使用所需的维数，且没有损失。",
        ),
        (
            "{units} active units; squared error: 1,000 dimensions {wide}, ten {narrow}",
            "活跃维数 {units}；平方误差：1,000 维 {wide}，10 维 {narrow}",
        ),
        used,
        when(lambda v: v["units"] < 100 and v["wide"] < (1 + SHARE) * v["narrow"]),
    ),
    Claim(
        ("It takes a denoising AE to remove noise.", "去噪必须用去噪 AE。"),
        (
            "PSNR at noise 0.25 and 0.5: noisy {noisy1}, {noisy2}; AE {ae1}, {ae2}; VAE {vae1},"
            " {vae2}; PCA {pca1}, {pca2}; DenoisingAE {trained1}, {trained2}",
            "噪声 0.25 与 0.5 时的 PSNR：含噪 {noisy1}、{noisy2}；AE {ae1}、{ae2}；VAE {vae1}、"
            "{vae2}；PCA {pca1}、{pca2}；DenoisingAE {trained1}、{trained2}",
        ),
        cleaned,
        unless(
            lambda v: not helped(v, 1) and not helped(v, 2),
            lambda v: not helped(v, 1),
        ),
        (
            "for noise 0.25; at 0.5 every narrow code takes some away",
            "噪声为 0.25 时成立；噪声为 0.5 时，任何窄编码都能去掉一部分",
        ),
    ),
    Claim(
        (
            "A VAE's noise makes its codes easier to round than an AE's.",
            "VAE 训练时的噪声使其编码比 AE 的更耐取整。",
        ),
        (
            "lost with 30 bits: AE {ae30} dB, VAE {vae30} dB; with 50: AE {ae50}, VAE {vae50}",
            "30 bit 时的损失：AE {ae30} dB，VAE {vae30} dB；50 bit 时：AE {ae50}，VAE {vae50}",
        ),
        rounding,
        when(lambda v: v["vae30"] < v["ae30"] - 0.1),
    ),
    Claim(
        ("A tighter bound (IWAE) gives a better model.", "更紧的下界（IWAE）得到更好的模型。"),
        (
            "-log p(x), 100 draws: VAE {vae}, IWAE {iwae}; Fréchet distance: VAE {far}, IWAE"
            " {near}; squared error: VAE {plain}, IWAE {tight}",
            "-log p(x)（100 次采样）：VAE {vae}，IWAE {iwae}；Fréchet 距离：VAE {far}，IWAE"
            " {near}；平方误差：VAE {plain}，IWAE {tight}",
        ),
        both(
            pick("reconstruction", "bound of 100 draws, nats", vae="VAE", iwae="IWAE"),
            pick("sampling", FRECHET, far="VAE, N(0, I)", near="IWAE, N(0, I)"),
            pick("reconstruction", SQUARED, plain="VAE", tight="IWAE"),
        ),
        unless(
            lambda v: (
                v["iwae"] < v["vae"] - 0.2
                and v["near"] < (1 - SHARE) * v["far"]
                and v["tight"] < (1 + SHARE) * v["plain"]
            ),
            lambda v: v["iwae"] < v["vae"] - 0.2,
        ),
        ("by the likelihood, not by every measure", "以似然衡量时成立，其他指标未必"),
    ),
)
