-- Adminer 4.8.1 MySQL 8.0.36 dump

SET NAMES utf8;
SET time_zone = '+00:00';
SET foreign_key_checks = 0;
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO';

DELIMITER ;;

DROP FUNCTION IF EXISTS `gross`;;
CREATE FUNCTION `gross` (`net` decimal(8,2)) RETURNS decimal(8,2)
    DETERMINISTIC
BEGIN
  RETURN net * 1.2;
END;;

DELIMITER ;

SET NAMES utf8mb4;

DROP TABLE IF EXISTS `lamp`;
CREATE TABLE `lamp` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `room_id` int(11) DEFAULT NULL,
  `name` varchar(40) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `name` (`name`),
  KEY `room_id` (`room_id`),
  CONSTRAINT `lamp_room` FOREIGN KEY (`room_id`) REFERENCES `room` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

TRUNCATE `lamp`;
INSERT INTO `lamp` (`id`, `room_id`, `name`) VALUES
(1,	1,	'desk'),
(5,	NULL,	'灯; "and"');

DELIMITER ;;

CREATE TRIGGER `lamp_bi` BEFORE INSERT ON `lamp` FOR EACH ROW
BEGIN SET NEW.name = TRIM(NEW.name); END;;

DELIMITER ;

DROP VIEW IF EXISTS `short`;
CREATE TABLE `short` (`id` int(11), `name` varchar(40));


DROP TABLE IF EXISTS `room`;
CREATE TABLE `room` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `name` varchar(40) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

TRUNCATE `room`;
INSERT INTO `room` (`id`, `name`) VALUES
(1,	'hall'),
(2,	'');

DROP TABLE IF EXISTS `short`;
CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`localhost` SQL SECURITY DEFINER VIEW `short` AS select `lamp`.`id` AS `id`,`lamp`.`name` AS `name` from `lamp` where (char_length(`lamp`.`name`) < 6);

-- 2026-11-20 10:00:00
