"""What `--init_from` names, told by names alone."""

from aag_tf.config.encoder_names import APPLICATIONS
from aag_tf.runs.weight_sources import cached_file, is_file_of

# As Keras 3.15 calls them.
FILES = {
    "ConvNeXtTiny": "convnext_tiny_notop.h5",
    "DenseNet121": "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "EfficientNetB0": "efficientnetb0_notop.h5",
    "EfficientNetV2B0": "efficientnetv2-b0_notop.h5",
    "EfficientNetV2S": "efficientnetv2-s_notop.h5",
    "InceptionResNetV2": "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "InceptionV3": "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "MobileNet": "mobilenet_1_0_224_tf_no_top.h5",
    "MobileNetV2": "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    "MobileNetV3Small": "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
    "NASNetMobile": "nasnet_mobile_no_top.h5",
    "ResNet50": "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "ResNet50V2": "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "VGG16": "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "Xception": "xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
}
OTHERS = (
    "resnet50_weights_tf_dim_ordering_tf_kernels.h5",  # with the classifier
    "mobilenet_2_5_224_tf_no_top.h5",
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5",
    "efficientnetb0_notop.txt",
)


def test_the_files_of_keras_are_found_by_their_names(tmp_path):
    for file in (*FILES.values(), *OTHERS):
        (tmp_path / file).touch()
    for name, file in FILES.items():
        assert cached_file(name, tmp_path) == tmp_path / file
    for file in FILES.values():
        assert len([name for name in APPLICATIONS if is_file_of(file, name)]) == 1, file
    assert cached_file("VGG19", tmp_path) is None
    assert cached_file("VGG16", tmp_path / "nothing") is None
