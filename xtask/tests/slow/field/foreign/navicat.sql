/*
 Navicat Premium Data Transfer

 Source Server         : local
 Source Server Type    : MySQL
 Source Host           : localhost:3306
 Source Schema         : shop

 Target Server Type    : MySQL
 File Encoding         : 65001

 Date: 20/11/2026 10:00:00
*/

SET NAMES utf8mb4;
SET FOREIGN_KEY_CHECKS = 0;

-- ----------------------------
-- Table structure for lamp
-- ----------------------------
DROP TABLE IF EXISTS `lamp`;
CREATE TABLE `lamp`  (
  `id` int NOT NULL AUTO_INCREMENT,
  `name` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NULL DEFAULT NULL,
  `room_id` int NULL DEFAULT NULL,
  PRIMARY KEY (`id`) USING BTREE,
  INDEX `room`(`room_id` ASC) USING BTREE,
  UNIQUE INDEX `name`(`name` ASC) USING BTREE,
  CONSTRAINT `lamp_room` FOREIGN KEY (`room_id`) REFERENCES `room` (`id`)
) ENGINE = InnoDB AUTO_INCREMENT = 3 CHARACTER SET = utf8mb4 COLLATE = utf8mb4_general_ci ROW_FORMAT = Dynamic;

-- ----------------------------
-- Records of lamp
-- ----------------------------
BEGIN;
INSERT INTO `lamp` VALUES (1, 'desk', 1);
INSERT INTO `lamp` (`id`, `name`, `room_id`) VALUES (2, 'wall \'x\' \\', NULL);
COMMIT;

-- ----------------------------
-- Table structure for room
-- ----------------------------
DROP TABLE IF EXISTS `room`;
CREATE TABLE `room`  (
  `id` int NOT NULL,
  PRIMARY KEY (`id`) USING BTREE
) ENGINE = InnoDB CHARACTER SET = utf8mb4 COLLATE = utf8mb4_general_ci ROW_FORMAT = DYNAMIC;

-- ----------------------------
-- Records of room
-- ----------------------------
BEGIN;
INSERT INTO `room` VALUES (1);
COMMIT;

-- ----------------------------
-- View structure for names
-- ----------------------------
DROP VIEW IF EXISTS `names`;
CREATE ALGORITHM = UNDEFINED SQL SECURITY DEFINER VIEW `names` AS select `lamp`.`name` AS `name` from `lamp`;

-- ----------------------------
-- Procedure structure for dim
-- ----------------------------
DROP PROCEDURE IF EXISTS `dim`;
delimiter ;;
CREATE PROCEDURE `dim`(IN n INT)
BEGIN
  DELETE FROM lamp WHERE id = n;
END
;;
delimiter ;

-- ----------------------------
-- Triggers structure for table lamp
-- ----------------------------
DROP TRIGGER IF EXISTS `lamp_bi`;
delimiter ;;
CREATE TRIGGER `lamp_bi` BEFORE INSERT ON `lamp` FOR EACH ROW SET NEW.name = TRIM(NEW.name)
;;
delimiter ;

SET FOREIGN_KEY_CHECKS = 1;
